package survey

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
)

// HostUses are the options by which a container is root on the host or shares a namespace
// with it. A remapped engine refuses them without --userns=host
// (verifyPlatformContainerSettings of moby's daemon/daemon_unix.go), but for --ipc=host,
// which runc cannot do.
func (c Container) HostUses() []string {
	if c.HostUserns() {
		return nil
	}
	var uses []string
	for _, use := range []struct {
		option string
		is     bool
	}{
		{"--ipc=host", c.IPCMode == "host"}, {"--network=host", c.NetworkMode == "host"}, {"--pid=host", c.PIDMode == "host"}, {"--privileged", c.Privileged},
	} {
		if use.is {
			uses = append(uses, use.option)
		}
	}
	return uses
}

// OutsideMap are the IDs that a container asks for and a map does not have, so that it does
// not start: of its user, its groups and its tmpfs mounts.
func (c Container) OutsideMap(m idmap.Map) []string {
	if c.HostUserns() {
		return nil
	}
	var out []string
	if id := c.Identity; id.Err == nil {
		if _, ok := m.UID.ToHost(id.Value.UID); !ok {
			out = append(out, fmt.Sprintf("user %d", id.Value.UID))
		}
		for _, g := range append([]int64{id.Value.GID}, id.Value.Groups...) {
			if _, ok := m.GID.ToHost(g); !ok {
				out = append(out, fmt.Sprintf("group %d", g))
			}
		}
	}
	return append(out, c.tmpfsOutside(m)...)
}

// tmpfsOutside are the options of tmpfs mounts that name an unmapped ID.
func (c Container) tmpfsOutside(m idmap.Map) []string {
	var out []string
	for at, options := range c.Tmpfs {
		for option := range strings.SplitSeq(options, ",") {
			key, value, _ := strings.Cut(option, "=")
			id, err := strconv.ParseInt(value, 10, 64)
			if err != nil || key != "uid" && key != "gid" {
				continue
			}
			extents := m.UID
			if key == "gid" {
				extents = m.GID
			}
			if _, ok := extents.ToHost(id); !ok {
				out = append(out, fmt.Sprintf("tmpfs %s with %s", at, option))
			}
		}
	}
	slices.Sort(out)
	return out
}

// Joined are the containers whose namespaces a container joins, with what it joins of
// them, such as "network". Those that the engine does not list are left out.
func (f Facts) Joined(c Container) map[string]Container {
	joined := map[string]Container{}
	for space, other := range c.Shares() {
		for _, o := range f.Containers.Value {
			if o.ID == other || o.Name == other {
				joined[space] = o
			}
		}
	}
	return joined
}

// JoinsAcross names the namespaces that a container shares with one that differs in
// --userns=host: a namespace can only be joined from within the user namespace that owns
// it, so the container does not start.
func (f Facts) JoinsAcross(c Container) []string {
	var across []string
	for space, o := range f.Joined(c) {
		if o.HostUserns() != c.HostUserns() {
			across = append(across, space+" of "+o.Name)
		}
	}
	slices.Sort(across)
	return across
}
