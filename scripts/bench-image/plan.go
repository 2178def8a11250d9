package main

import (
	"archive/tar"
	"fmt"
	"math"
	"math/rand/v2"
	"path"
	"strings"
	"time"
)

// entry is a header, and whether its body is noise.
type entry struct {
	tar.Header
	noise bool
}

// layer is a planned layer: what its files are called and how large they are.
type layer struct {
	shape   shape
	index   int
	rng     *rand.Rand
	entries []*entry
	seen    map[string]bool // folders that have their entry
	folder  int             // how many folders of files there are
	files   []*entry        // that have a body
	owner   [2]int
}

var (
	places = []string{
		"usr/lib/python3/dist-packages", "opt/app/node_modules", "usr/share/doc", "usr/lib/x86_64-linux-gnu",
		"opt/venv/lib/python3.11/site-packages", "usr/local/lib/node_modules/npm/node_modules", "usr/include", "var/lib/app",
	}
	words = strings.Fields("core http util test json parser stream index types async proto crypto image buffer cache client config " +
		"debug event error format graph handler input kernel lock math node object path query render schema table unit value widget")
	endings = strings.Fields(".js .py .h .so .json .md .c .txt .html .pyc .map .d.ts")
	when    = time.Unix(1_700_000_000, 0)
)

// plan draws a layer until it has its share of entries, and then lays out sizes.
func plan(s shape, index int) *layer {
	l := &layer{shape: s, index: index, rng: rand.New(rand.NewPCG(uint64(s.entries+s.layers), uint64(index))), seen: map[string]bool{}}
	if index > 0 {
		l.whiteouts()
	}
	// Layers differ: the first has twice the share of the last.
	share := 4.0 / 3 * (1 - 0.5*float64(index)/float64(s.layers-1))
	want := int(share * float64(s.entries) / float64(s.layers))
	for len(l.entries) < want {
		l.bundle(want)
	}
	l.size(int64(share * float64(s.bytes) / float64(s.layers)))
	if index%4 == 1 {
		l.addNoise()
	}
	return l
}

// bundle adds a folder of files, in a few folders below it.
func (l *layer) bundle(want int) {
	l.folder++
	l.owner[0], l.owner[1] = l.shape.owner(l.index, l.folder, len(l.entries))
	dir := path.Join(places[l.rng.IntN(len(places))], fmt.Sprintf("%s-%s-%d.%d", l.word(), l.word(), l.index, l.folder))
	for range l.rng.IntN(4) {
		dir = path.Join(dir, l.word())
	}
	if l.rng.IntN(50) == 0 { // too long for a header of ustar
		dir = path.Join(dir, strings.Repeat(l.word()+"-", 12+l.rng.IntN(20)))
	}
	l.mkdir(dir)
	var last string
	for i := range 4 + l.rng.IntN(32) {
		if len(l.entries) >= want {
			return
		}
		name := fmt.Sprintf("%s/%s_%s%d%s", dir, l.word(), l.word(), i, endings[l.rng.IntN(len(endings))])
		switch k := l.rng.IntN(100); {
		case k < 3 && last != "":
			l.add(tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: path.Base(last), Mode: 0o777})
		case k < 4 && last != "":
			l.add(tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: last, Mode: 0o644})
		default:
			l.file(name)
			last = name
		}
	}
}

func (l *layer) word() string { return words[l.rng.IntN(len(words))] }

func (l *layer) mkdir(dir string) {
	if dir == "." || l.seen[dir] {
		return
	}
	l.mkdir(path.Dir(dir))
	l.seen[dir] = true
	l.add(tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755})
}

func (l *layer) file(name string) {
	e := l.add(tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644})
	if l.shape.bodies > 0 && len(l.entries)%l.shape.bodies == 0 {
		l.files = append(l.files, e)
	}
}

func (l *layer) add(h tar.Header) *entry {
	h.ModTime, h.Uid, h.Gid = when, l.owner[0], l.owner[1]
	if l.shape.name == "offenders" {
		h.Uid, h.Gid = l.shape.owner(l.index, l.folder, len(l.entries))
	}
	if l.index%2 == 0 { // else archive/tar chooses: ustar, or PAX where it must
		h.Format = tar.FormatGNU
	}
	e := &entry{Header: h}
	l.entries = append(l.entries, e)
	return e
}

// whiteouts remove a few folders that no layer has.
func (l *layer) whiteouts() {
	for i := range 20 {
		l.owner[0], l.owner[1] = l.shape.owner(l.index, 0, len(l.entries))
		l.add(tar.Header{Name: fmt.Sprintf("tmp/build-%d/.wh.%s-%d", l.index, l.word(), i), Typeflag: tar.TypeReg, Mode: 0o600})
	}
}

// size spreads the bytes of a layer over its files as sizes of files are spread.
func (l *layer) size(bytes int64) {
	weights, sum := make([]float64, len(l.files)), 0.0
	for i := range weights {
		weights[i] = math.Exp(l.rng.NormFloat64() * l.shape.spread)
		sum += weights[i]
	}
	for i, e := range l.files {
		e.Size = 1 + int64(weights[i]/sum*float64(bytes))
	}
}

// addNoise adds files that cannot be compressed, as models and pictures cannot.
func (l *layer) addNoise() {
	const files = 8
	for i := range files * min(1, l.shape.noise) {
		e := l.add(tar.Header{Name: fmt.Sprintf("srv/model-%d/part-%d.bin", l.index, i), Typeflag: tar.TypeReg, Mode: 0o644})
		e.Size, e.noise = int64(l.shape.noise)<<20/files, true
	}
}

// foreign counts the entries with an ID above 65535.
func (l *layer) foreign() int {
	n := 0
	for _, e := range l.entries {
		if e.Uid > 65535 || e.Gid > 65535 {
			n++
		}
	}
	return n
}
