package audit

import "bytes"

// maxRoots bounds how many node_modules folders are told apart.
const maxRoots = 8

var nodeModules = []byte("node_modules")

// evidence keeps what tells the cause of a group: where its entries lie.
func (g *group) evidence(name, dir []byte) {
	if g.count == 1 {
		g.common = append([]byte(nil), dir...)
	} else {
		g.common = g.common[:shared(g.common, dir)]
	}
	if top := topModules(name); top != nil {
		g.npm++
		g.root(top)
	}
}

// root notes the topmost node_modules folder of an entry.
func (g *group) root(top []byte) {
	for _, r := range g.roots {
		if r == string(top) {
			return
		}
	}
	if len(g.roots) < maxRoots && len(top) < longest {
		g.roots = append(g.roots, string(top))
	}
}

// topModules is a path up to its first element node_modules, nil if it has none.
func topModules(name []byte) []byte {
	for from := 0; ; {
		i := bytes.Index(name[from:], nodeModules)
		if i < 0 {
			return nil
		}
		i += from
		end := i + len(nodeModules)
		if (i == 0 || name[i-1] == '/') && (end == len(name) || name[end] == '/') {
			return name[:end]
		}
		from = end
	}
}

// shared is the length of the deepest directory that holds both a and b.
func shared(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if (n == len(a) || a[n] == '/') && (n == len(b) || b[n] == '/') {
		return n
	}
	return max(0, bytes.LastIndexByte(a[:n], '/'))
}
