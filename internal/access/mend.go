package access

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/sh"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Mending is what to do about a right that a container's user lacks: commands
// that are safe to paste at any time, and what there is to say. Without commands,
// Note says why, and what to do instead.
type Mending struct {
	Fix  []string
	Note string
}

func (r Refusal) mending() Mending {
	note := "no command is suggested: " + r.Why
	if r.Instead != "" {
		note += "; " + r.Instead
	}
	return Mending{Note: note}
}

// Mend gives a container's user the rights that it lacks to what it mounts.
func (l Loss) Mend(f survey.Facts) Mending {
	if ControlsHost(f, l.Path.Real) {
		return Refusal{Why: "whoever can connect to it controls the host", Instead: "create the container with --userns=host if it must, and trust it as you trust root"}.mending()
	}
	if r := Allowed(f, l.Path, false); r != nil {
		return r.mending()
	}
	s := l.Path.Stat
	switch {
	case s.Mode.IsDir():
		return l.mendTree(f)
	case s.Mode&fs.ModeSocket != 0:
		return l.mendSocket(f)
	case !s.Mode.IsRegular():
		return Refusal{Why: "it is a device or a pipe", Instead: "give the container's group access to it"}.mending()
	case s.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 || l.writes() && rootsProgram(s.Mode, s.UID):
		return Refusal{Why: "it is a program that root may run", Instead: "mount a copy"}.mending()
	case s.Links > 1:
		return Refusal{Why: "it has hard links, so it may be a file of the system under another name", Instead: "mount a copy"}.mending()
	case private(s.Mode):
		return l.chown(f, []survey.Kind{{Mode: s.Mode, UID: s.UID, GID: s.GID}})
	}
	return l.setfacl(f, false)
}

func (l Loss) writes() bool { return l.Want&Write != 0 }

// rootsProgram reports whether somebody who can write to a file can have root run
// something.
func rootsProgram(mode fs.FileMode, uid int64) bool {
	return uid == 0 && mode.IsRegular() && mode.Perm()&0o111 != 0
}

// private reports whether others have no right to a file, and its group none to
// write. Software that looks at the modes of its files, such as PostgreSQL, ssh and
// MongoDB, refuses such a file once an ACL gives somebody else a right: the bits of
// the group then show the most that the ACL gives to anybody.
func private(mode fs.FileMode) bool {
	return mode&fs.ModeSocket == 0 && mode.Perm()&0o027 == 0
}

func (l Loss) mendSocket(f survey.Facts) Mending {
	if l.Path.Stat.UID == 0 {
		return Refusal{
			Why:     "it is root's socket, and whoever can connect to it may control the host",
			Instead: "have the program that listens give the socket to a group, and give the container that group; or create the container with --userns=host if it must control the host",
		}.mending()
	}
	return l.setfacl(f, false)
}

// mendTree gives the rights to a directory and all in it, if all that is in it is
// known.
func (l Loss) mendTree(f survey.Facts) Mending {
	in := l.Path.Inside
	switch {
	case mountsBelow(f, l.Path.Real):
		return Refusal{Why: "something else is mounted below it", Instead: "mount a folder of its own"}.mending()
	case in == nil:
		return Refusal{Why: "its content was not read as root", Instead: "run this as root"}.mending()
	case in.Err != nil:
		return Refusal{Why: "could not determine what it contains: " + in.Err.Error(), Instead: "look for files of mode 0600 or 0700 in it, and mount a copy with owners by the map"}.mending()
	case in.Odd:
		return Refusal{Why: "it contains hard links, files as in a home directory, or the state of an engine", Instead: "mount a folder of its own"}.mending()
	}
	var closed []survey.Kind
	for _, k := range in.Kinds {
		switch {
		case k.Mode&(fs.ModeDevice|fs.ModeNamedPipe) != 0, k.Mode&fs.ModeSocket != 0 && k.UID == 0:
			return Refusal{Why: "it contains devices, pipes or sockets of root", Instead: "mount a folder of its own"}.mending()
		case k.Mode&fs.ModeSymlink != 0:
		case k.Mode.IsDir() && k.Mode.Perm()&0o002 != 0:
			return Refusal{Why: "every user of the host can put links in it while the command runs", Instead: "mount a folder of its own"}.mending()
		case k.Mode&fs.ModeSetuid != 0, k.Mode&fs.ModeSetgid != 0 && !k.Mode.IsDir(), l.writes() && rootsProgram(k.Mode, k.UID):
			return Refusal{Why: "it contains programs that root may run", Instead: "mount it read-only, or mount a copy"}.mending()
		case private(k.Mode):
			closed = append(closed, k)
		}
	}
	if len(closed) == 0 {
		return l.setfacl(f, true)
	}
	for _, k := range closed {
		if l.UID != 0 && k.UID != l.UID && !l.Map.UID.Holds(k.UID) {
			return Refusal{
				Why:     fmt.Sprintf("it contains files that only user %d can read, who is not the container's user", k.UID),
				Instead: "mount a folder with a copy of what the container needs",
			}.mending()
		}
	}
	return l.chown(f, in.Kinds)
}

// setfacl gives the right by an ACL: nobody loses one, and it may be done before
// remap is turned on.
func (l Loss) setfacl(f survey.Facts, deep bool) Mending {
	entry := fmt.Sprintf("u:%d:%s", l.Process.UID, aclRights(l.Grant))
	m := Mending{Fix: install(f), Note: fmt.Sprintf("to undo it: setfacl -x u:%d", l.Process.UID)}
	if !deep {
		m.Fix = append(m.Fix, sh.Command("sudo", "setfacl", "-m", entry, "--", l.Path.Real))
		return m
	}
	m.Note = fmt.Sprintf("%sto undo it: setfacl -RP -x u:%d,d:u:%d", stop(f, l.Path.Real), l.Process.UID, l.Process.UID)
	m.Fix = append(m.Fix, sh.Command("sudo", "setfacl", "-RP", "-m", entry+",d:"+entry, "--", l.Path.Real))
	return m
}

// aclRights writes rights for setfacl(1); X gives x to directories and programs only.
func aclRights(p Perm) string {
	return strings.ReplaceAll(strings.ReplaceAll(p.String(), "-", ""), "x", "X")
}

// install names the package of setfacl if the host has none.
func install(f survey.Facts) []string {
	if f.Tools.Err != nil || f.Tools.Value["setfacl"] != "" {
		return nil
	}
	release := f.Kernel.Value.OSRelease
	like := strings.Fields(release["ID"] + " " + release["ID_LIKE"])
	for _, known := range []struct{ system, command string }{
		{"debian", "sudo apt-get install acl"}, {"ubuntu", "sudo apt-get install acl"}, {"alpine", "sudo apk add acl"},
		{"fedora", "sudo dnf install acl"}, {"rhel", "sudo dnf install acl"}, {"suse", "sudo zypper install acl"}, {"arch", "sudo pacman -S acl"},
	} {
		if slices.Contains(like, known.system) {
			return []string{known.command}
		}
	}
	return []string{"# setfacl is missing on this host: install the package acl"}
}

// maxOwners is how many owners the files of a directory may have for commands to
// be printed: each takes one.
const maxOwners = 8

// chown gives files to the users that their owners become in the map. Each command
// looks first at whether the engine remaps: before remap is turned on the
// container would lose its files, and after it is turned off again they go back.
func (l Loss) chown(f survey.Facts, kinds []survey.Kind) Mending {
	var there, back []string
	seen := map[[2]int64]bool{}
	for _, k := range kinds {
		if owner := [2]int64{k.UID, k.GID}; !seen[owner] {
			seen[owner] = true
			uid, okUID := moved(l.Map.UID, k.UID)
			gid, okGID := moved(l.Map.GID, k.GID)
			switch {
			case !okUID || !okGID:
				return Refusal{Why: fmt.Sprintf("it contains files of %d:%d, which are both in the map and IDs of a container", k.UID, k.GID), Instead: "mount a copy"}.mending()
			case uid == k.UID && gid == k.GID:
				continue
			}
			there = append(there, whenRemapped(f, "-q", l.Path.Real, owner, [2]int64{uid, gid}))
			back = append(back, whenRemapped(f, "-qv", l.Path.Real, [2]int64{uid, gid}, owner))
		}
	}
	if len(there) == 0 || len(there) > maxOwners {
		return Refusal{Why: fmt.Sprintf("its files have %d owners", len(seen)), Instead: "mount a copy with owners by the map"}.mending()
	}
	note := "software such as PostgreSQL and ssh refuses files that an ACL gives others access to, so give them to the mapped owners: run the commands after enable, and again after disable, when they give them back; " +
		stop(f, l.Path.Real) + "if programs on the host use these files too, mount a copy instead"
	return Mending{Fix: append(there, back...), Note: note}
}

// moved is what an ID of the host becomes: its place in the map, or itself if it
// is that of a mapped user already or has no place. It is false if it could be both.
func moved(e idmap.Extents, id int64) (int64, bool) {
	to, inside := e.ToHost(id)
	if e.Holds(id) {
		return id, !inside || to == id
	}
	if !inside {
		return id, true
	}
	return to, true
}

// whenRemapped is a command that changes owners if the engine remaps, or with -qv
// if it does not. GNU chown follows no link, whatever is put in the place of a
// file meanwhile; that of busybox cannot choose by the owner.
func whenRemapped(f survey.Facts, grep, at string, from, to [2]int64) string {
	pair := func(p [2]int64) string { return fmt.Sprintf("%d:%d", p[0], p[1]) }
	change := sh.Command("sudo", "chown", "-RPh", "--from="+pair(from), pair(to), "--", at)
	if f.Kernel.Value.OSRelease["ID"] == "alpine" {
		change = sh.Command("sudo", "find", at, "-xdev", "-user", fmt.Sprint(from[0]), "-group", fmt.Sprint(from[1])) + " -exec chown -h " + pair(to) + " {} +"
	}
	return "if " + sh.Command("sudo", "docker", "-H", engine(f), "info", "-f", "{{.SecurityOptions}}") + " | grep " + grep + " name=userns; then " + change + "; fi"
}

// engine is the endpoint of the engine on its own host.
func engine(f survey.Facts) string {
	if socket := endpointSocket(f.Endpoint); path.IsAbs(socket) {
		return "unix://" + socket
	}
	return "unix:///var/run/docker.sock"
}

// stop names the containers that run and can write to what is at, above or below a
// path: while they do, they can put links in the place of files.
func stop(f survey.Facts, real string) string {
	users := writersOf(f, real)
	if len(users) == 0 {
		return ""
	}
	return "stop " + strings.Join(users, ", ") + " first; "
}

func writersOf(f survey.Facts, real string) []string {
	var users []string
	for _, c := range f.Containers.Value {
		if c.Running() && slices.ContainsFunc(c.Mounts, func(m survey.Mount) bool {
			other := f.Paths.Value[m.Source].Real
			return m.Type == "bind" && m.Writable && other != "" && (survey.Within(real, other) || survey.Within(other, real))
		}) {
			users = append(users, c.Name)
		}
	}
	return users
}

// Pass lets a user through a directory, and gives it no other right.
func Pass(f survey.Facts, dir survey.Parent, above []survey.Parent, uid int64) Mending {
	p := survey.Path{Real: dir.Path, Stat: dir.Stat, Parents: above}
	if r := Allowed(f, p, true); r != nil {
		return r.mending()
	}
	l := Loss{Path: p, Process: Process{UID: uid}, Grant: Execute}
	return l.setfacl(f, false)
}
