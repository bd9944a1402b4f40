// Nothing of its own: the precompiled headers belong to a target, and a target has a source.
