package audit

// Bounds on what is kept of one layer, so that no image can fill the memory.
const (
	maxOwners  = 256     // owners told apart; the others are counted together
	maxTexts   = 1 << 20 // bytes of paths kept, unless all are asked for, and of folders
	maxFolders = 256     // folders counted apart for each owner
	maxTracked = 1 << 22 // entries remembered for what later layers do
	minSample  = 10      // paths looked at for the cause, whatever Options.Paths is
)

// facts are what one layer says, whatever image it is in.
type facts struct {
	entries, unmapped int64
	uid, gid          need
	groups            []*group // in order of first appearance
	dirs              *dirs
	events            events
	passwd, group     accountFile
	mapped            mapped
	refused           []*refusal
}

// mapped is what is kept of the owners that are well, but for root's.
type mapped struct {
	uids, gids []int64                               // the first maxMapped
	more       bool                                  // there are further ones
	near       [(nearTop - nearLow + 63) / 64]uint64 // a bit for each number that some entry has
}

// maxMapped is how many owners that are well are told apart.
const maxMapped = 32

// any reports whether some entry has another owner than root.
func (m *mapped) any() bool { return len(m.uids)+len(m.gids) > 0 }

// Numbers between these are looked at, whether any entry has them: new ones are
// taken from here.
const nearLow, nearTop = 8192, 10002

// seal lets go of what only the walk needs: an archive can have many small layers.
func (f *facts) seal() {
	f.dirs.number, f.dirs.last = nil, nil
	if len(f.groups) == 0 {
		f.dirs = nil // nobody asks where anything lies
	}
	for _, g := range f.groups {
		g.slots = nil
	}
}

// events are what a layer does to the layers below: hashes of cleaned paths.
type events struct {
	mapped    list[uint64] // entries that an engine takes; kind in the lowest bit
	whiteouts list[uint64] // what is removed
	opaque    list[uint64] // directories that start afresh
}

// nonDir, as the lowest bit of an entry's hash, says that it is no directory:
// it hides all that lower layers have below its path.
const nonDir = 1

// An owner is what offenders are grouped by.
type owner struct {
	rule     Rule
	uid, gid int64
}

// A group holds the offenders of a layer that have the same owner.
type group struct {
	owner
	asked   bool // a file of it is looked for by its path
	mixed   bool // owners past maxOwners are in here too
	count   int64
	paths   []string // the first ones, in archive order
	folders []Folder // counts by directory, the first maxFolders
	slots   map[uint32]int
	npm     int64 // how many lie below a node_modules
	roots   []string
	common  []byte // the deepest directory that holds them all

	// What later layers are asked about. untracked: not all are in here.
	hashes    list[uint64]
	dirs      list[uint32]
	untracked bool
}

// Folder is a directory, and how many of a finding's entries lie right in it.
type Folder struct {
	Path  string // without leading slash, "" is the root
	Count int64
}
