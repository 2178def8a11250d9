package access

import (
	"fmt"
	"path"
	"slices"
	"strings"

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

// Mend says how a container's user gets the rights that it lacks to what it mounts.
func (l Loss) Mend(f survey.Facts) Mending {
	switch g, r := l.Remedy(f); {
	case r != nil:
		return r.mending()
	case g.Shift:
		return l.chown(f)
	default:
		return l.setfacl(f, g.Tree)
	}
}

// setfacl gives the right by an ACL: nobody loses one, and it may be done before
// remap is turned on. A default ACL, which files that are created later would inherit, turns
// umask(2) off for all who create them, so there is none.
func (l Loss) setfacl(f survey.Facts, deep bool) Mending {
	entry := fmt.Sprintf("u:%d:%s", l.Process.UID, aclRights(l.Give))
	m := Mending{Fix: install(f), Note: fmt.Sprintf("to undo it: setfacl -x u:%d", l.Process.UID)}
	if !deep {
		m.Fix = append(m.Fix, sh.Command("sudo", "setfacl", "-m", entry, "--", l.Path.Real))
		return m
	}
	m.Note = fmt.Sprintf("%sto undo it: setfacl -RP -x u:%d; files that are created later need it again", stop(f, l.Path.Real), l.Process.UID)
	m.Fix = append(m.Fix, sh.Command("sudo", "setfacl", "-RP", "-m", entry, "--", l.Path.Real))
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
func (l Loss) chown(f survey.Facts) Mending {
	var there, back []string
	seen := map[[2]int64]bool{}
	for _, k := range l.kinds() {
		if owner := [2]int64{k.UID, k.GID}; !seen[owner] {
			seen[owner] = true
			uid, _ := moved(l.Map.UID, k.UID)
			gid, _ := moved(l.Map.GID, k.GID)
			if uid == k.UID && gid == k.GID {
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

// Pass says how a user gets through a directory, and gets no other right.
func Pass(f survey.Facts, dir survey.Parent, above []survey.Parent, uid int64) Mending {
	l, r := pass(f, dir, above, uid)
	if r != nil {
		return r.mending()
	}
	return l.setfacl(f, false)
}
