package survey

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Files of an image that say who its users are.
const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"
)

// errUser: the image has no such user, its accounts could not be read, or the number is
// none that runc takes.
var errUser = errors.New("its user could not be looked up in its image")

// Who the first process of each container is; of one that does not run, what its
// image says.
var identityTopic = topic{
	second: func(l *look, q *host.Questions) {
		q.Lines = append(q.Lines, l.containerLines()...)
		for _, c := range l.containers {
			q.Inside = append(q.Inside, c.accountFiles()...)
		}
	},
}

// accountFiles are the files that say who the user of a container is, where its
// process does not: those of each layer, since the layers are not mounted when
// it does not run. One that is being restarted may change its own layer while that is
// read, so nothing of it is.
func (c inspected) accountFiles() []host.Path {
	if c.PID > 0 || c.State == "restarting" || !c.named() {
		return nil
	}
	var files []host.Path
	for _, dir := range c.layers {
		files = append(files, host.Path{Root: dir, Name: passwdFile}, host.Path{Root: dir, Name: groupFile})
	}
	return files
}

// named reports whether the user or its group is a name.
func (c inspected) named() bool {
	for part := range strings.SplitSeq(c.User, ":") {
		if _, number := id(part); !number && part != "" {
			return true
		}
	}
	return false
}

// containerLines ask who the first process of each container is.
func (l *look) containerLines() []host.Lines {
	files := map[string][]string{}
	for _, c := range l.containers {
		if c.PID > 0 {
			for _, name := range []string{"status", "uid_map", "gid_map"} {
				files[name] = append(files[name], "/proc/"+strconv.Itoa(c.PID)+"/"+name)
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	return []host.Lines{
		{Name: status, Globs: files["status"], Prefixes: []string{"Uid:", "Gid:", "Groups:"}},
		{Name: inUID, Globs: files["uid_map"]},
		{Name: inGID, Globs: files["gid_map"]},
	}
}

// identity finds out who a container runs as, in its own IDs: its first process
// says so, which may have left its user behind; else its configuration.
func (l *look) identity(c inspected) Read[Account] {
	if c.PID > 0 {
		if who, ok := l.ofProcess(c.PID); ok {
			return Read[Account]{Value: who}
		}
	}
	return c.configured(l.topmost(c, passwdFile), l.topmost(c, groupFile))
}

// Learn finds out who the containers of an image run as that do not run now and whose
// user is a name, from the image's passwd and group: with containerd's image store there
// are no folders of a container to look into. What containers have changed in these files
// is not seen.
func (f *Facts) Learn(imageID, passwd, group string) {
	for i := range f.Containers.Value {
		if c := &f.Containers.Value[i]; c.ImageID == imageID && c.Identity.Err == errUser && !c.Running() {
			c.Identity = c.configured(passwd, group)
		}
	}
}

// Nameless says that there are containers for Learn.
func (f *Facts) Nameless() bool {
	return slices.ContainsFunc(f.Containers.Value, func(c Container) bool { return c.Identity.Err == errUser && !c.Running() })
}

// effective is the place of the effective ID among the four that a process has.
const effective = 1

// ofProcess reads the IDs of a process through its user namespace's map.
func (l *look) ofProcess(pid int) (Account, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	st := host.ParseStatus(l.seen.Lines[status].Files[dir+"/status"])
	uids, gids := idmap.FromProc(l.seen.Lines[inUID].Files[dir+"/uid_map"]), idmap.FromProc(l.seen.Lines[inGID].Files[dir+"/gid_map"])
	if !st.Known() || len(uids) == 0 || len(gids) == 0 {
		return Account{}, false
	}
	who := Account{UID: uids.ToContainer(st.UIDs[effective]), GID: gids.ToContainer(st.GIDs[effective])}
	for _, g := range st.Groups {
		who.Groups = append(who.Groups, gids.ToContainer(g))
	}
	return who.tidy(), true
}

// configured reads USER as runc and dockerd do, with the passwd and group of the image,
// and adds the groups of --group-add. Groups that are not in the image are left out.
func (c Container) configured(passwd, group string) Read[Account] {
	as, err := user.GetExecUser(c.User, nil, strings.NewReader(passwd), strings.NewReader(group))
	if err != nil {
		return Read[Account]{Err: errUser}
	}
	who := Account{UID: int64(as.Uid), GID: int64(as.Gid)}
	for _, name := range c.GroupAdd {
		added, _ := user.GetAdditionalGroups([]string{name}, strings.NewReader(group))
		as.Sgids = append(as.Sgids, added...)
	}
	for _, g := range as.Sgids {
		who.Groups = append(who.Groups, int64(g))
	}
	return Read[Account]{Value: who.tidy()}
}

// topmost is the body of a file in the first layer that has anything by its name:
// what is no file there, as a whiteout, hides those of the layers below.
func (l *look) topmost(c inspected, name string) string {
	for _, dir := range c.layers {
		b, asked := l.seen.Inside[host.Path{Root: dir, Name: name}]
		if asked && !errors.Is(b.Err, fs.ErrNotExist) {
			return string(b.Data)
		}
	}
	return ""
}

// Account is a user as numbers, with its supplementary groups, sorted.
type Account struct {
	UID, GID int64
	Groups   []int64
}

// tidy sorts the groups, and leaves out the primary one, which some engines list
// among them.
func (a Account) tidy() Account {
	a.Groups = slices.DeleteFunc(a.Groups, func(g int64) bool { return g == a.GID })
	slices.Sort(a.Groups)
	a.Groups = slices.Compact(a.Groups)
	return a
}

// Answers about the first process of each container.
const (
	status = "status"
	inUID  = "uid_map of containers"
	inGID  = "gid_map of containers"
)
