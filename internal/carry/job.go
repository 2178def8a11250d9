package carry

import (
	"fmt"
	"path"
	"regexp"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// A Job makes a twin of a data root with the storage driver overlay2: the same images
// and volumes, for an engine with another ID map. The old data root is only read.
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
	// Known are the images and volumes that are left out on purpose, named likewise.
	Known []string `json:"known,omitempty"`
}

var (
	imageID    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // RestrictedNamePattern of moby's volume/local
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
	for _, name := range j.Volumes {
		if !volumeName.MatchString(name) {
			return fmt.Errorf("%q is not the name of a volume", name)
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
	// Unmapped counts the files of a volume, by name, whose owner the map does not have:
	// they keep it.
	Unmapped map[string]int64 `json:"unmapped,omitempty"`
	// Problems say why an image or a volume, by ID or name, cannot be copied.
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
	Gone    []string `json:"gone,omitempty"` // images and volumes that were removed meanwhile
	New     []string `json:"new,omitempty"`  // that were made meanwhile, and are not in the twin
}

// Compared is what a sample of the files of a twin showed.
type Compared struct {
	Files   int64    `json:"files"`
	Bytes   int64    `json:"bytes"`
	Changed int64    `json:"changed"` // since the twin was complete: these were not compared
	Differ  []string `json:"differ"`  // what of some files is not equal
}
