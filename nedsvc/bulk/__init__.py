"""Annotating the documents of files: read, linked by processes, written so that nothing is lost."""
