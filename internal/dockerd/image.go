package dockerd

// MaxLayers is how many layers an engine with a graph driver, as a remapped one has, stacks
// at most: maxLayerDepth of moby's layer package, 1.9 to 29.7 ("max depth exceeded").
const MaxLayers = 125

// ReadsZstd reports whether an engine unpacks layers that are compressed with zstd:
// pkg/archive of moby does so from 23.0 on. 20.10 takes them for a broken tar.
func (v Version) ReadsZstd() bool { return v.AtLeast(23) }
