"""What may happen to an item: custody, its history, parts in it, and the profile of a
jurisdiction.
"""
