"""Client of the photo classification service."""
