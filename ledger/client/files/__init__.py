"""Files and folders as they lie on a disk, read and written while others may change them."""
