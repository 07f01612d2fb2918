"""What a report holds: the page's data, and the engine that answers from them without Python."""
