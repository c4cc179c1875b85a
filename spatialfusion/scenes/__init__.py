"""The synthetic world: objects, cameras, exact metric depth, captions that are true, and edits."""
