"""One file a command; heavy imports inside the functions, so that --help is quick."""
