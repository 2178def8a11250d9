package carry

import (
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// A Job makes a twin of a data root with the storage driver overlay2: the same images,
// volumes, networks and containers, for an engine with another ID map. The old data root
// is only read.
//
// Measure looks at what there is to do. Prepare copies while the engine of the old data
// root runs, and may be called again after it was interrupted. Finish copies what changed
// since, and needs that engine to be stopped; then the twin is complete. Check compares
// a twin with what it was made of.
type Job struct {
	// From is the data root of the engine, its own if it is remapped. To is the twin's,
	// in a folder on the same host that only root can write to.
	From string `json:"from"`
	To   string `json:"to"`
	// Place is where the twin is moved once it is complete, on the same file system.
	Place string `json:"place"`
	// Aside is a new folder on that file system for what Place has now, if Place is a data
	// root. Then the folders of the twin take the place of the folders there, and the twin
	// has what is kept of it, too. Otherwise it is "".
	Aside string `json:"aside,omitempty"`
	Kept  Kept   `json:"kept,omitzero"`
	// Record is a file that was written when everything had been carried over from Place.
	Record string `json:"record,omitempty"`
	// Map is that of the remapped engine. Back makes a twin for an engine without one.
	Map  idmap.Map `json:"map"`
	Back bool      `json:"back,omitempty"`
	// Images are the IDs of images, "sha256:…", all of whose layers the map can hold.
	Images []string `json:"images"`
	// Volumes are names of volumes of the driver local.
	Volumes []string `json:"volumes"`
	// SameOwners are those of the volumes whose files keep their owners, since only
	// containers in the user namespace of the host use them.
	SameOwners []string `json:"sameOwners,omitempty"`
	// Networks are carried all or none: the engine has them in one file.
	Networks bool `json:"networks,omitempty"`
	// Containers have all of their images, volumes and networks in the job, too.
	Containers []Container `json:"containers,omitempty"`
	// Known are the images, volumes and containers that are left out on purpose, named
	// likewise.
	Known []string `json:"known,omitempty"`
}

// Kept is what the place of a twin has, and is not copied from elsewhere.
type Kept struct {
	Images     []string `json:"images,omitempty"` // IDs
	Volumes    []string `json:"volumes,omitempty"`
	Containers []string `json:"containers,omitempty"` // IDs
	// Names are the IDs of the images that keep the names that they have there, unless
	// another image has one of these.
	Names []string `json:"names,omitempty"`
}

// Inventory is what a data root has.
type Inventory struct {
	Images     []string `json:"images"` // IDs
	Volumes    []string `json:"volumes"`
	Containers []Named  `json:"containers"`
	// Changed are the volumes, by name, and the containers, by ID, that were written to or
	// ran since everything was carried over from there.
	Changed []string `json:"changed,omitempty"`
	// Sizes are those of the volumes, by name, and of the containers, by ID.
	Sizes map[string]Size `json:"sizes"`
}

// Named is a container by its ID and name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Container is one that is carried.
type Container struct {
	ID string `json:"id"` // 64 hexadecimal digits
	// HostUserns has it run in the user namespace of the host. Its writable layer keeps
	// its owners.
	HostUserns bool `json:"hostUserns,omitempty"`
	// Stopped takes away its restart policy: a daemon that starts does not check whether
	// remap refuses the container. A twin that has what its place keeps gives it back.
	Stopped bool `json:"stopped,omitempty"`
}

func (j Job) containerIDs() (ids []string) {
	for _, c := range j.Containers {
		ids = append(ids, c.ID)
	}
	return ids
}

var (
	imageID     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	containerID = regexp.MustCompile(`^[0-9a-f]{64}$`)
	volumeName  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // RestrictedNamePattern of moby's volume/local
)

// IsVolume reports whether the driver local takes a name for a volume.
func IsVolume(name string) bool { return volumeName.MatchString(name) }

func (j Job) valid() error {
	paths := []string{j.From, j.To, j.Place}
	if j.Aside != "" {
		paths = append(paths, j.Aside, j.Record)
	}
	for _, p := range paths {
		if !path.IsAbs(p) || path.Clean(p) != p {
			return fmt.Errorf("the path %q is not a clean absolute one", p)
		}
	}
	for _, id := range slices.Concat(j.Images, j.Kept.Images, j.Kept.Names) {
		if !imageID.MatchString(id) {
			return fmt.Errorf("%q is not the ID of an image", id)
		}
	}
	for _, name := range slices.Concat(j.Volumes, j.SameOwners, j.Kept.Volumes) {
		if !volumeName.MatchString(name) {
			return fmt.Errorf("%q is not the name of a volume", name)
		}
	}
	for _, id := range slices.Concat(j.containerIDs(), j.Kept.Containers) {
		if !containerID.MatchString(id) {
			return fmt.Errorf("%q is not the ID of a container", id)
		}
	}
	return j.Map.Err()
}

// Size is how much there is to copy.
type Size struct {
	Bytes int64 `json:"bytes"` // on the disk, as du(1) counts
	Files int64 `json:"files"` // folders among them
}

func (s *Size) add(o Size) { s.Bytes, s.Files = s.Bytes+o.Bytes, s.Files+o.Files }

// Measured is what there is to do, and what there is for it.
type Measured struct {
	Images  map[string]Size `json:"images"`  // by ID; a layer that several share counts for each
	Volumes map[string]Size `json:"volumes"` // by name
	// Containers have their writable layers and logs, by ID.
	Containers map[string]Size `json:"containers"`
	// Unmapped counts the files of a volume or a container, by name or ID, whose owner the
	// map does not have: they keep it.
	Unmapped map[string]int64 `json:"unmapped,omitempty"`
	// Problems say why an image, a volume or a container, by ID or name, cannot be copied.
	Problems map[string]string `json:"problems"`
	All      Size              `json:"all"`   // what is copied in all: each layer once
	Have     Size              `json:"have"`  // what an earlier attempt has copied already
	Free     Size              `json:"free"`  // on the file system of the data root; Files is -1 if that has no limit
	Speed    Size              `json:"speed"` // what the disk writes in a second, of bytes or of files
	// Existing reports whether Place exists, and is not an empty folder.
	Existing bool `json:"existing,omitempty"`
	// There is what Place has, if the twin gets what is kept of it.
	There *Inventory `json:"there,omitempty"`
	// Mounted are folders of the data root with a file system of their own.
	Mounted []string `json:"mounted,omitempty"`
}

// State is how far a copy is.
type State struct {
	Bytes  int64  `json:"bytes"`  // content that was copied
	Files  int64  `json:"files"`  // that are done, those among them that an earlier pass copied
	At     string `json:"at"`     // what is being copied, such as "volume data"
	Passes int    `json:"passes"` // that are complete
	// Flagged are files that are immutable, see chattr(1): their copies are not.
	Flagged int64 `json:"flagged,omitempty"`
}

// Result is what a twin has.
type Result struct {
	Images  []string `json:"images"`
	Volumes []string `json:"volumes"`
	// Containers are their IDs.
	Containers []string `json:"containers,omitempty"`
	Networks   bool     `json:"networks,omitempty"`
	Gone       []string `json:"gone,omitempty"` // what was removed meanwhile
	New        []string `json:"new,omitempty"`  // what was made meanwhile, and is not in the twin
}

// Compared is what a sample of the files of a twin showed.
type Compared struct {
	Files   int64    `json:"files"`
	Bytes   int64    `json:"bytes"`
	Changed int64    `json:"changed"` // since the twin was complete: these were not compared
	Differ  []string `json:"differ"`  // what of some files is not equal
}
