package audit

import "github.com/docker-userns/docker-userns/internal/idmap"

// maxID is the highest ID there is: 4294967295 is (uid_t)-1, which no map can
// hold, user_namespaces(7).
const maxID = 4294967294

// idSpace answers for one kind of ID, quickly for those that are well.
type idSpace struct {
	extents idmap.Extents
	safe    uint64 // IDs below are mapped
	root    int64  // but for this one, the alias of root
}

func newIDSpace(e idmap.Extents) idSpace {
	return idSpace{extents: e, safe: uint64(e.Size()), root: e.Root()}
}

func (s *idSpace) treatment(id int64) idmap.Treatment {
	if uint64(id) < s.safe && id != s.root {
		return idmap.Mapped
	}
	return s.extents.Treatment(id)
}

// kernel reports whether a process can have the id. It cannot have the alias of
// root: that one passes the engine, and the kernel knows nothing of it.
func (s *idSpace) kernel(id int64) bool {
	_, ok := s.extents.ToHost(id)
	return ok
}

// need is the size of a map that takes all the IDs it was shown.
type need struct {
	size       int64
	impossible bool
}

func (n *need) take(id int64) {
	if id >= n.size {
		n.size = id + 1
		n.impossible = n.impossible || id > maxID
	} else if id < 0 {
		n.impossible = true
	}
}

func (n *need) join(other need) {
	n.size = max(n.size, other.size)
	n.impossible = n.impossible || other.impossible
}

// total is the size, or -1 if no map can be that large.
func (n need) total() int64 {
	if n.impossible {
		return -1
	}
	return n.size
}

// good says that an entry and a process can both have the id as it is.
func (s *idSpace) good(id int64) bool { return s.treatment(id) == idmap.Mapped && s.kernel(id) }
