package commands

import (
	"fmt"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Where an ID map comes from, as the answer names it.
const (
	fromFlag    = "flag"    // --id-map or --size
	fromEngine  = "engine"  // the engine is remapped, and its host's files give the whole map
	fromRoot    = "root"    // the engine is remapped; of its map only the root's ID can be seen
	fromSubID   = "subid"   // what this machine's files give the user dockremap
	fromDefault = "default" // nothing was found
)

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
		fromSubID:   "that of " + ranges.DefaultUser + " in this machine's /etc/subuid and /etc/subgid",
		fromDefault: "docker's default",
	}[m.From]
}

// mapFromFlags gives the map that --id-map and --size ask for, and whether they
// ask for one.
func mapFromFlags(values []string, size int64) (auditedMap, bool, error) {
	switch {
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

// mapOfEngine gives the map of an engine that is remapped already; ok is false for any
// other. read adds what the engine's host has on accounts and their ranges: only a
// remapped engine's host is looked at.
func mapOfEngine(info system.Info, read func(*survey.Facts)) (m auditedMap, ok bool) {
	var f survey.Facts
	f.Engine.Value = survey.EngineOf(info, types.Version{})
	if ranges.SettingsOf(f, "").Now.Empty() {
		return auditedMap{}, false
	}
	read(&f)
	s := ranges.SettingsOf(f, "")
	if s.NowWhole {
		return auditedMap{s.Now, fromEngine}, true
	}
	return auditedMap{s.Now, fromRoot}, true
}

// mapOfThisMachine gives the map that this machine's files hold for dockremap; read adds
// what they are.
func mapOfThisMachine(read func(*survey.Facts)) (auditedMap, bool) {
	var f survey.Facts
	read(&f)
	m, err := ranges.SettingsOf(f, ranges.DefaultUser).Next()
	return auditedMap{m, fromSubID}, err == nil && m.Err() == nil && m.UID.Root() >= 0 && m.GID.Root() >= 0
}
