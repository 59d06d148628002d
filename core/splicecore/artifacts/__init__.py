"""Files that splicecore writes: atomically, with manifests and content hashes."""
