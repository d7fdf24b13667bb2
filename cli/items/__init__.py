"""Items and cases as people name, choose and offer them."""
