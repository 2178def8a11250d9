package survey

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

const loginDefs = "/etc/login.defs"

// Accounts are the users and groups of the host: of the files, and of whatever
// else nsswitch.conf(5) names, through getent(1).
type Accounts struct {
	Users  []Entry
	Groups []Entry
	// Incomplete says that getent is missing or failed, or that an answer was
	// cut: there may be more.
	Incomplete bool
	LoginDefs  TextFile // /etc/login.defs, for SUB_UID_MIN and its like
	// SubIDSource is what nsswitch.conf names for "subid"; "" means files.
	// dockerd reads files only.
	SubIDSource string
	// RealHomes are where homes are, by the path that passwd(5) has, symlinks
	// followed. Those that are missing have no entry.
	RealHomes map[string]string
	// FarHomes says that some homes are on file systems that are not looked at: see
	// [Near]. Where their symlinks lead to is not known.
	FarHomes bool
	// ManyHomes says that there are more than are looked at.
	ManyHomes bool
}

// Entry is a line of passwd(5) or group(5). Lines that are no such thing are
// left out.
type Entry struct {
	Name    string
	ID      int64
	GID     int64  // the primary group of a user
	Comment string // of a user
	Shell   string // of a user
	Home    string
	Members []string // of a group
	File    bool     // is in /etc/passwd or /etc/group itself
}

// maxHomes is how many homes are resolved: over ssh each is a process there.
const maxHomes = 512

// Commands that list the accounts of whatever nsswitch.conf(5) names.
var (
	getentUsers  = []string{"timeout", "5", "getent", "passwd"}
	getentGroups = []string{"timeout", "5", "getent", "group"}
)

var accountsTopic = topic{
	first: func(_ *look, q *host.Questions) {
		q.Files = append(q.Files, "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", loginDefs)
		q.Stats = append(q.Stats, loginDefs)
		q.Commands = append(q.Commands, host.Command{Args: getentUsers}, host.Command{Args: getentGroups})
	},
	second: func(l *look, q *host.Questions) { q.Reals = append(q.Reals, l.nearHomes()...) },
	read: func(l *look, f *Facts) {
		f.Accounts = Read[Accounts]{Value: l.accounts(), Err: l.seen.Files["/etc/passwd"].Err}
	},
	unread: func(f *Facts, err error) { f.Accounts.Err = err },
}

// getent are the accounts that getent(1) lists; whole is false if there may be more.
func (l *look) getent() (users, groups []Entry, whole bool) {
	u, okUsers := l.result(getentUsers)
	g, okGroups := l.result(getentGroups)
	users, groups = ParsePasswd(string(u.Stdout)), parseGroup(string(g.Stdout))
	return users, groups, okUsers && okGroups && u.Code == 0 && g.Code == 0 && len(users) > 0
}

func (l *look) accounts() Accounts {
	read := func(p string) string { return string(l.seen.Files[p].Data) }
	users, groups, whole := l.getent()
	return Accounts{
		Users:       merged(ParsePasswd(read("/etc/passwd")), users),
		Groups:      merged(parseGroup(read("/etc/group")), groups),
		Incomplete:  !whole || l.seen.Files["/etc/passwd"].Truncated || l.seen.Files["/etc/group"].Truncated,
		LoginDefs:   l.text(loginDefs).Value,
		SubIDSource: subIDSource(read("/etc/nsswitch.conf")),
		RealHomes:   l.realHomes(),
		FarHomes:    len(l.nearHomes()) < len(l.homes()),
		ManyHomes:   len(l.nearHomes()) == maxHomes,
	}
}

// homes are those of all accounts, as passwd(5) has them.
func (l *look) homes() []string {
	set := map[string]bool{}
	users, _, _ := l.getent()
	for _, e := range append(ParsePasswd(string(l.seen.Files["/etc/passwd"].Data)), users...) {
		if path.IsAbs(e.Home) && path.Clean(e.Home) != "/" {
			set[path.Clean(e.Home)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// nearHomes are those on disks of the host. To look at others may take for ever, or
// have autofs(5) mount hundreds of them. Without a mount table no command is printed,
// so no home matters.
func (l *look) nearHomes() []string {
	table := mountTable(l.seen.Files[mountInfo])
	near := slices.DeleteFunc(l.homes(), func(home string) bool { return table.Err != nil || !Near(table.Value, home) })
	return near[:min(len(near), maxHomes)]
}

// realHomes are where the homes of accounts are, links followed.
func (l *look) realHomes() map[string]string {
	real := map[string]string{}
	for _, home := range l.nearHomes() {
		if r := l.seen.Reals[home]; r.Err == nil && path.IsAbs(r.Path) {
			real[home] = r.Path
		}
	}
	return real
}

// merged adds to the entries of a file those that only getent knows.
func merged(file, getent []Entry) []Entry {
	type key struct {
		name string
		id   int64
	}
	seen := map[key]bool{}
	var all []Entry
	for _, e := range file {
		e.File = true
		seen[key{e.Name, e.ID}] = true
		all = append(all, e)
	}
	for _, e := range getent {
		if k := (key{e.Name, e.ID}); !seen[k] {
			seen[k] = true
			all = append(all, e)
		}
	}
	return all
}

// subIDSource finds what nsswitch.conf(5) names for subordinate IDs.
func subIDSource(nsswitch string) string {
	for line := range strings.Lines(nsswitch) {
		line, _, _ = strings.Cut(line, "#")
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "subid:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
