"""A command line as it was typed: global options, words, and hints that run as printed."""
