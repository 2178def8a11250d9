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

// Container is one that is carried.
type Container struct {
	ID string `json:"id"` // 64 hexadecimal digits
	// HostUserns has it run in the user namespace of the host. Its writable layer keeps
	// its owners.
	HostUserns bool `json:"hostUserns,omitempty"`
	// Stopped takes away its restart policy: a daemon that starts does not check whether
	// remap refuses the container.
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
	for _, p := range []string{j.From, j.To, j.Place} {
		if !path.IsAbs(p) || path.Clean(p) != p {
			return fmt.Errorf("the path %q is not a clean absolute one", p)
		}
	}
	for _, id := range j.Images {
		if !imageID.MatchString(id) {
			return fmt.Errorf("%q is not the ID of an image", id)
		}
	}
	for _, name := range slices.Concat(j.Volumes, j.SameOwners) {
		if !volumeName.MatchString(name) {
			return fmt.Errorf("%q is not the name of a volume", name)
		}
	}
	for _, c := range j.Containers {
		if !containerID.MatchString(c.ID) {
			return fmt.Errorf("%q is not the ID of a container", c.ID)
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
