"""What is asked over HTTP; each handler checks who asks, asks the store, and answers."""
