package main

// A shape says what an image is like.
type shape struct {
	name       string
	layers     int
	entries    int   // in all layers, nearly
	bytes      int64 // of all layers' bodies
	bodies     int   // one file of so many has a body, 0: none has
	spread     float64
	noise      int // MB in each fourth layer that cannot be compressed
	owner      func(layer, folder, entry int) (uid, gid int)
	compressed []compressor
	keepLayers bool
}

var shapes = []shape{
	{
		name: "big", layers: 12, entries: 173_000, bytes: 2_570 << 20, bodies: 1, spread: 1.9, noise: 200, owner: fewOwners(3, 9),
		compressed: []compressor{
			{"gzip", "application/vnd.oci.image.layer.v1.tar+gzip", []string{"pigz", "-c", "-n"}},
			{"zstd", "application/vnd.oci.image.layer.v1.tar+zstd", []string{"zstd", "-c", "-q", "-T0"}},
		},
	},
	{name: "many", layers: 10, entries: 1_000_000, bytes: 60 << 20, bodies: 4, owner: fewOwners(1, 800), keepLayers: true},
	{name: "offenders", layers: 10, entries: 1_000_000, owner: everyOwner},
}

// foreigners are IDs that a map of 65,536 has not: of npm's authors, of useradd,
// of a builder on Windows, and the first one beyond.
var foreigners = [][2]int{{1516583083, 0}, {1000001, 1000001}, {197609, 197121}, {65536, 65536}}

// fewOwners gives one folder of so many to a foreigner, in one layer of so many.
func fewOwners(layers, folders int) func(layer, folder, entry int) (int, int) {
	return func(layer, folder, _ int) (int, int) {
		switch {
		case layer%layers == 0 && folder%folders == 5:
			o := foreigners[folder%len(foreigners)]
			return o[0], o[1]
		case folder%7 == 3:
			return 1000, 1000
		}
		return 0, 0
	}
}

// everyOwner gives every entry to a foreigner: to one of four in half of the
// layers, in the others to one who owns nothing else.
func everyOwner(layer, folder, entry int) (int, int) {
	if layer%2 == 0 {
		o := foreigners[folder%len(foreigners)]
		return o[0], o[1]
	}
	return 100_000 + layer*200_000 + entry, 0
}
