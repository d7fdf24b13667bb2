"""What goes from hand to hand: bundles, parcels, and the trust root that they are judged by."""
