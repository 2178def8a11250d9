package check

import (
	"path"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var storageChecks = []Check{
	{Question: Question{ID: "data-root-path", Category: catStorage, Title: "The mapped root can reach the data root"}, Needs: []string{"host-reachable", "subid-map"}, Run: dataRootPath},
	{Question: Question{ID: "data-root-space", Category: catStorage, Title: "Enough space to store the images in use twice"}, Needs: []string{"host-reachable", "daemon-answers"}, Run: dataRootSpace},
	{Question: Question{ID: "data-root-inodes", Category: catStorage, Title: "Enough inodes to store the images in use twice"}, Needs: []string{"host-reachable", "daemon-answers"}, Run: dataRootInodes},
	{Question: Question{ID: "data-root-trees", Category: catStorage, Title: "No earlier remapped data root would be reused"}, Needs: []string{"host-reachable", "subid-map"}, Run: dataRootTrees},
}

// dataRootPath is canAccess of dockerd (daemon/daemon_unix.go): for each
// directory above the data root others, or the owner or group where it is the
// mapped root, have to have x. dockerd sees no ACLs. It opens the data root
// itself when it starts.
func dataRootPath(in *Input) Result {
	s := in.Storage.Value
	if in.Storage.Err != nil {
		return unread("the directories above the data root", in.Storage.Err)
	}
	m, err := in.Map()
	if err != nil {
		return unread("the IDs of the mapped root", err)
	}
	uid, gid := m.UID.Root(), m.GID.Root()
	r := Result{}
	for i, p := range s.Path.Parents {
		mode := p.Stat.Mode.Perm()
		switch {
		case p.Path == "/":
		case p.Stat.Err != nil:
			return unread("the mode of "+p.Path, p.Stat.Err)
		case mode&1 == 0 && (p.Stat.UID != uid || mode&0o100 == 0) && (p.Stat.GID != gid || mode&0o010 == 0):
			refusal := access.Allowed(in.Facts, survey.Path{Real: p.Path, Stat: p.Stat, Parents: s.Path.Parents[:i]}, true)
			if refusal == nil {
				r = r.With(Detail{Name: p.Path, Note: p.Stat.Mode.String() + "; the command below lets every user of the host pass through it"}).
					Fixed(command("sudo", "chmod", "o+x", "--", p.Path))
				continue
			}
			r = r.With(Detail{Name: p.Path, Note: p.Stat.Mode.String() + "; no command is suggested: " + refusal.Why})
		}
	}
	if len(r.Details) > 0 {
		r.Status, r.Message = Error, "the mapped root cannot reach "+s.DataRoot+", so the engine would not start; move the data root (data-root in daemon.json) to a place that every user can reach, such as /srv/docker, or let users pass through the directories"
		return r
	}
	return pass("%s", s.DataRoot)
}

// needed is what the images of containers take, in bytes, and how many they
// are. Layers that images share count for each.
func (in *Input) needed() (bytes int64, images int) {
	used := map[string]bool{}
	for _, c := range in.Containers.Value {
		used[c.ImageID] = true
	}
	for _, img := range in.Images.Value {
		if used[img.ID] {
			bytes += max(0, img.Size)
			images++
		}
	}
	return bytes, images
}

// counted says why needed is unknown, or why it does not matter.
func (in *Input) counted() (Result, bool) {
	switch {
	case in.on():
		return skip("the engine remaps already"), false
	case in.Containers.Err != nil:
		return unread("which images are in use", in.Containers.Err), false
	case in.Images.Err != nil:
		return unread("the size of images", in.Images.Err), false
	case in.Storage.Err != nil:
		return unread("the free space", in.Storage.Err), false
	case in.Storage.Value.Space.Err != nil:
		return unread("the free space", in.Storage.Value.Space.Err), false
	}
	return Result{}, true
}

func dataRootSpace(in *Input) Result {
	if r, ok := in.counted(); !ok {
		return r
	}
	bytes, images := in.needed()
	space := in.Storage.Value.Space
	text := size(space.Free) + " free in " + in.Storage.Value.DataRoot + ", and " + report.Counted(images, "image in use takes ", "images in use take ") + size(bytes)
	look := in.docker("system", "df", "-v")
	switch {
	case space.Bytes == 0:
		return unsure("%s is on a file system (%s) that does not report its free space", in.Storage.Value.DataRoot, space.Type)
	case space.Free < fewestBytes:
		return fail("%s: the file system is full, and the engine may not start in a new data root; free some space first", text).Fixed(look)
	case bytes > space.Free:
		return warn("%s: pulling them again may fill the file system", text).Fixed(look)
	case bytes+scarceBytes > space.Free:
		return warn("%s: pulling them again leaves little for what containers write", text).Fixed(look)
	}
	return pass("%s", text)
}

// Below fewestBytes or fewestInodes a file system is as good as full: an empty
// data root alone takes some hundred files. Containers need more than scarceBytes
// soon.
const (
	fewestBytes  = 100e6
	scarceBytes  = 1e9
	fewestInodes = 1000
)

// dataRootInodes goes by how many bytes an inode takes on that file system now.
func dataRootInodes(in *Input) Result {
	if r, ok := in.counted(); !ok {
		return r
	}
	space := in.Storage.Value.Space
	if space.Inodes == 0 {
		return pass("%s creates inodes on demand", space.Type)
	}
	bytes, _ := in.needed()
	usedBytes, usedInodes := max(1, space.Bytes-space.Free), space.Inodes-space.FreeInodes
	need := int64(float64(bytes) / float64(usedBytes) * float64(usedInodes))
	if space.FreeInodes < fewestInodes {
		return fail("%s left in %s: the file system is full", count(int(space.FreeInodes), "free inode"), in.Storage.Value.DataRoot)
	}
	if need > space.FreeInodes || space.FreeInodes*100 < space.Inodes {
		return warn("%d inodes are free in %s, and the images in use may need about %d", space.FreeInodes, in.Storage.Value.DataRoot, need)
	}
	return pass("%d are free, and the images in use may need about %d", space.FreeInodes, need)
}

func dataRootTrees(in *Input) Result {
	s := in.Storage.Value
	if in.Storage.Err != nil {
		return unread("the content of the data root", in.Storage.Err)
	}
	m, err := in.Map()
	if err != nil {
		return unread("the name of the remapped data root", err)
	}
	var left []survey.Tree
	for _, t := range s.Trees {
		switch {
		case in.on():
			if !t.InUse {
				left = append(left, t)
			}
		case t.Name == m.Suffix() && t.Images > 0:
			return warn("%s has %s of an earlier remap, whose containers, volumes and images come back with the change", path.Join(s.DataRoot, t.Name), count(t.Images, "layer"))
		default:
			left = append(left, t)
		}
	}
	r := pass("none")
	if len(left) > 0 {
		r = pass("%s of an earlier remap, unused", count(len(left), "data root"))
	}
	for _, t := range left {
		r = r.With(Detail{Name: path.Join(s.DataRoot, t.Name), Note: count(t.Images, "layer")})
	}
	return r
}
