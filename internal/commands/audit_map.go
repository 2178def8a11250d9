package commands

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker/docker/api/types/system"
)

// Where an ID map comes from, as the answer names it.
const (
	fromFlag    = "flag"    // --id-map or --size
	fromEngine  = "engine"  // the engine is remapped, and its host's files give the whole map
	fromRoot    = "root"    // the engine is remapped; of its map only the root's ID can be seen
	fromSubID   = "subid"   // what this machine's files give the user dockremap
	fromDefault = "default" // nothing was found
)

// remapUser is the user whose subordinate IDs "userns-remap": "default" takes.
const remapUser = "dockremap"

// defaultRoot is where dockerd begins to look for a free range.
const defaultRoot = 100000

// An audited map is an ID map and the place it comes from.
type auditedMap struct {
	idmap.Map
	From string
}

// what describes a map for people.
func (m auditedMap) what() string {
	return map[string]string{
		fromFlag:    "given",
		fromEngine:  "the engine's own",
		fromRoot:    "the engine's; its size could not be read and is taken to be 65536",
		fromSubID:   "that of " + remapUser + " in this machine's /etc/subuid and /etc/subgid",
		fromDefault: "docker's default",
	}[m.From]
}

// mapFromFlags gives the map that --id-map and --size ask for, and whether they
// ask for one.
func mapFromFlags(values []string, size int64) (auditedMap, bool, error) {
	switch {
	case len(values) > 0 && size != 0:
		return auditedMap{}, false, fmt.Errorf("--id-map and --size are mutually exclusive")
	case len(values) > 0:
		m, err := idmap.ParseFlag(values)
		return auditedMap{m, fromFlag}, true, err
	case size != 0:
		m := idmap.Single(defaultRoot, size)
		if err := m.Err(); err != nil {
			return auditedMap{}, false, fmt.Errorf("--size %d: the map is %w; give a smaller size, or the whole map with --id-map", size, err)
		}
		return auditedMap{m, fromFlag}, true, nil
	}
	return auditedMap{}, false, nil
}

// subIDFiles are /etc/subuid and /etc/subgid of one machine.
type subIDFiles struct{ uid, gid idmap.File }

// mapOfEngine gives the map of an engine that is remapped already: the one of
// its host's files that begins where the suffix of the data root says, else one
// of the usual size that begins there.
func mapOfEngine(info system.Info, files *subIDFiles) auditedMap {
	uid, gid, _ := remappedRoot(info)
	if files != nil {
		for _, login := range logins(*files) {
			m, err := load(info.ServerVersion, *files, login)
			if err == nil && m.Err() == nil && m.UID.Root() == uid && m.GID.Root() == gid {
				return auditedMap{m, fromEngine}
			}
		}
	}
	m := idmap.Map{
		UID: idmap.Extents{{HostID: uid, Size: idmap.Default}},
		GID: idmap.Extents{{HostID: gid, Size: idmap.Default}},
	}
	return auditedMap{m, fromRoot}
}

// mapOfFiles gives the map that this machine's files hold for dockremap.
func mapOfFiles(files *subIDFiles) (auditedMap, bool) {
	if files == nil {
		return auditedMap{}, false
	}
	m, err := load("", *files, remapUser)
	return auditedMap{m, fromSubID}, err == nil && m.Err() == nil && m.UID.Root() >= 0 && m.GID.Root() >= 0
}

// remappedRoot reads the host IDs of a remapped engine's root from its data
// root, which ends in UID.GID (setupDaemonRoot of daemon/daemon_unix.go), where
// the engine says that it is remapped.
func remappedRoot(info system.Info) (uid, gid int64, ok bool) {
	remapped := slices.ContainsFunc(info.SecurityOptions, func(o string) bool {
		return o == "name=userns" || strings.HasPrefix(o, "name=userns,")
	})
	suffix := info.DockerRootDir[strings.LastIndex(info.DockerRootDir, "/")+1:]
	u, g, found := strings.Cut(suffix, ".")
	uid, errU := strconv.ParseInt(u, 10, 64)
	gid, errG := strconv.ParseInt(g, 10, 64)
	possible := errors.Join(errU, errG, idmap.Range{Start: uid, Size: 1}.Err(), idmap.Range{Start: gid, Size: 1}.Err()) == nil
	return uid, gid, remapped && found && possible
}

// logins are the names that lines of the files are for, dockremap first.
func logins(files subIDFiles) []string {
	names := []string{remapUser}
	lines, _ := idmap.Parse(files.uid)
	for _, line := range lines {
		if line.Owner != "" && !slices.Contains(names, line.Owner) {
			names = append(names, line.Owner)
		}
	}
	return names
}

func load(version string, files subIDFiles, login string) (idmap.Map, error) {
	generation, _ := idmap.GenerationOf(version)
	return idmap.Load(generation, files.uid, files.gid, login, uidOf(login))
}

// uidOf is the UID of a name or number in a table of subordinate IDs, -1 where
// this machine has no such account.
func uidOf(login string) int64 {
	if uid, err := strconv.ParseInt(login, 10, 64); err == nil {
		return uid
	}
	account, err := user.Lookup(login)
	if err != nil {
		return -1
	}
	uid, err := strconv.ParseInt(account.Uid, 10, 64)
	if err != nil {
		return -1
	}
	return uid
}
