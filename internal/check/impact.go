package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var impactChecks = []Check{
	{Question: Question{ID: "impact-containers", Category: catImpact, Title: "No container is left behind"}, Needs: []string{"daemon-answers"}, Run: impactContainers},
	{Question: Question{ID: "impact-stop-time", Category: catImpact, Title: "The outage is short: containers stop quickly"}, Needs: []string{"daemon-answers"}, Run: impactStopTime},
	{Question: Question{ID: "impact-host-namespaces", Category: catImpact, Title: "No container is privileged or joins a namespace of the host"}, Needs: []string{"daemon-answers"}, Run: impactHostNamespaces},
	{Question: Question{ID: "impact-shared-namespaces", Category: catImpact, Title: "No container joins a namespace of one that remap treats otherwise"}, Needs: []string{"daemon-answers"}, Run: impactShared},
	{Question: Question{ID: "impact-userns-host", Category: catImpact, Title: "No container stays out of remap"}, Needs: []string{"daemon-answers"}, Run: impactUsernsHost},
	{Question: Question{ID: "impact-ids", Category: catImpact, Title: "No container asks for an ID outside the map"}, Needs: []string{"daemon-answers", "subid-map"}, Run: impactIDs},
	{Question: Question{ID: "impact-devices", Category: catImpact, Title: "No container uses a device of the host"}, Needs: []string{"daemon-answers"}, Run: impactDevices},
	{Question: Question{ID: "impact-docker-socket", Category: catImpact, Title: "No container uses the Docker socket"}, Needs: []string{"daemon-answers"}, Run: impactDockerSocket},
	{Question: Question{ID: "impact-bind-mounts", Category: catImpact, Title: "Containers still reach the files they mount from the host"}, Needs: []string{"host-reachable", "daemon-answers", "subid-map"}, Run: impactBindMounts},
	{Question: Question{ID: "impact-sockets", Category: catImpact, Title: "Containers still reach the sockets they mount from the host"}, Needs: []string{"host-reachable", "daemon-answers", "subid-map"}, Run: impactSockets},
	{Question: Question{ID: "impact-volumes", Category: catImpact, Title: "No volume is left behind"}, Needs: []string{"daemon-answers"}, Run: impactVolumes},
	{Question: Question{ID: ImpactImages, Category: catImpact, Title: "A remapped engine takes every image"}, Needs: []string{"daemon-answers", "subid-map"}, Run: impactImages},
	{Question: Question{ID: "impact-networks", Category: catImpact, Title: "No network is left behind"}, Needs: []string{"daemon-answers"}, Run: impactNetworks},
	{Question: Question{ID: "impact-plugins", Category: catImpact, Title: "No managed plugin is left behind"}, Needs: []string{"daemon-answers"}, Run: impactPlugins},
	{Question: Question{ID: "impact-builders", Category: catImpact, Title: "No builder of buildx is left behind"}, Needs: []string{"daemon-answers"}, Run: impactBuilders},
	{Question: Question{ID: "impact-services", Category: catImpact, Title: "No service of a swarm runs here"}, Needs: []string{"daemon-answers"}, Run: impactServices},
}

// each asks note of every container, and warns of those it has something to
// say of.
func each(in *Input, what, message string, note func(survey.Container) string) Result {
	if in.Containers.Err != nil {
		return unread(what, in.Containers.Err)
	}
	r := Result{}
	for _, c := range in.Containers.Value {
		if n := note(c); n != "" {
			r = r.With(Detail{Name: c.Name, Note: n})
		}
	}
	if len(r.Details) == 0 {
		return pass("none of %s", count(len(in.Containers.Value), "container"))
	}
	r.Status, r.Message = Warning, fmt.Sprintf("%s: %s", count(len(r.Details), "container"), message)
	return r
}

// gone says that a check is about what a switch to remap leaves behind, where
// there is none to come.
func gone(in *Input) (Result, bool) {
	return skip("the engine remaps already"), in.on()
}

func impactContainers(in *Input) Result {
	if r, ok := gone(in); ok {
		return r
	}
	return each(in, "which containers there are", "they stay in the old data root, stopped, and must be recreated", func(c survey.Container) string {
		notes := []string{c.State, "image " + c.Image}
		if p := c.Project(); p != "" {
			notes = append(notes, "recreated by docker compose, project "+p)
		}
		if c.AutoRemove {
			notes = append(notes, "removed when it stops")
		}
		return strings.Join(notes, ", ")
	})
}

// impactHostNamespaces: what verifyPlatformContainerSettings of dockerd refuses,
// and --ipc host, which runc cannot do.
func impactHostNamespaces(in *Input) Result {
	return each(in, "what containers share with the host", "refused with remap unless made with --userns=host", func(c survey.Container) string {
		if c.HostUserns() {
			return ""
		}
		var uses []string
		for use, is := range map[string]bool{
			"--privileged": c.Privileged, "--network=host": c.NetworkMode == "host", "--pid=host": c.PIDMode == "host", "--ipc=host": c.IPCMode == "host",
		} {
			if is {
				uses = append(uses, use)
			}
		}
		slices.Sort(uses)
		return strings.Join(uses, ", ")
	})
}

// impactShared: a namespace can only be joined from within the user namespace
// that owns it.
func impactShared(in *Input) Result {
	byName := map[string]survey.Container{}
	for _, c := range in.Containers.Value {
		byName[c.Name], byName[c.ID] = c, c
	}
	return each(in, "what containers share", "one of the two is made with --userns=host and the other is not, so the second does not start", func(c survey.Container) string {
		var joined []string
		for space, other := range c.Shares() {
			if o, ok := byName[other]; ok && o.HostUserns() != c.HostUserns() {
				joined = append(joined, space+" of "+o.Name)
			}
		}
		slices.Sort(joined)
		return strings.Join(joined, ", ")
	})
}

func impactUsernsHost(in *Input) Result {
	return each(in, "which containers stay out of remap", "root in them is root of the host; files of their image still belong to the mapped IDs, so that sudo and other setuid programs in them fail", func(c survey.Container) string {
		if c.HostUserns() {
			return "--userns=host, " + c.State
		}
		return ""
	})
}

func impactIDs(in *Input) Result {
	m, err := in.Map()
	if err != nil {
		return unread("the ID map", err)
	}
	r := each(in, "which IDs containers ask for", "they do not start with IDs that have no place in the map", func(c survey.Container) string {
		if c.HostUserns() {
			return ""
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
		return strings.Join(append(out, tmpfsIDs(c, m)...), ", ")
	})
	if r.Status != OK {
		return r
	}
	for _, c := range in.Containers.Value {
		if c.Identity.Err != nil && !c.HostUserns() {
			r = r.With(Detail{Name: c.Name, Note: c.Identity.Err.Error()})
		}
	}
	if len(r.Details) == 0 {
		r.Message += "; tmpfs mounts go on as they are"
	} else {
		r.Status, r.Message = Unknown, fmt.Sprintf("the user of %s is unknown; look with: %s", count(len(r.Details), "container"), in.docker("exec", "CONTAINER", "id"))
	}
	return r
}

// tmpfsIDs are the options of tmpfs mounts that name an unmapped ID.
func tmpfsIDs(c survey.Container, m idmap.Map) []string {
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

func impactDevices(in *Input) Result {
	return each(in, "which devices containers use", "devices belong to users and groups of the host, and the mapped ones have no right to them; make a container that needs one with --userns=host", func(c survey.Container) string {
		if c.HostUserns() {
			return ""
		}
		var names []string
		for _, d := range c.Devices {
			names = append(names, d.Host)
		}
		return strings.Join(slices.Concat(names, c.DeviceRules, c.DeviceRequests), ", ")
	})
}

func impactDockerSocket(in *Input) Result {
	return each(in, "who uses the Docker socket", "with remap they are refused; recreate them with --userns=host if they must control the engine", func(c survey.Container) string {
		if c.HostUserns() {
			return ""
		}
		var found []string
		for _, m := range c.Mounts {
			sockets := access.EngineSockets(in.Facts, m)
			switch {
			case access.IsEngineSocket(in.Facts, m):
				found = append(found, m.Source+" at "+m.Destination)
			case len(sockets) > 0:
				found = append(found, fmt.Sprintf("%s at %s, with %s", m.Source, m.Destination, strings.Join(sockets, ", ")))
			}
		}
		return strings.Join(found, "; ")
	})
}

func impactImages(in *Input) Result {
	if r, ok := gone(in); ok {
		return r
	}
	if in.Audits.Err != nil {
		return unread("which images a remapped engine takes", in.Audits.Err)
	}
	names := map[string]string{}
	for _, img := range in.Images.Value {
		names[img.ID] = img.ID
		if len(img.Tags) > 0 {
			names[img.ID] = strings.Join(img.Tags, ", ")
		}
	}
	r := Result{}
	bad, total := 0, len(names)
	for _, a := range in.Audits.Value {
		note := imageNote(a)
		if note != "" {
			name := names[a.ID]
			if name == "" {
				name = a.Image
			}
			r = r.With(Detail{Name: name, Note: note})
			bad++
		}
		delete(names, a.ID)
	}
	switch {
	case bad > 0:
		r.Status, r.Message = Warning, fmt.Sprintf("refused or not startable: %d of %s; to see which files, and how to fix them: %s", bad, count(len(in.Audits.Value), "image"), in.docker("userns", "audit-image", "IMAGE"))
		if len(names) > 0 {
			r.Message += "; " + in.notChecked(len(names))
		}
		return r
	case in.Images.Err != nil:
		return unread("whether these were all images", in.Images.Err)
	case len(names) > 0:
		accepted := ", all accepted"
		if len(names) == total {
			accepted = ""
		}
		return unsure("%d of %s checked%s; %s", total-len(names), count(total, "image"), accepted, in.notChecked(len(names)))
	}
	return pass("%s", count(len(in.Audits.Value), "image"))
}

func (in *Input) notChecked(n int) string {
	return fmt.Sprintf("%d not checked; to check them all: %s", n, in.docker("userns", "check", "--all-images"))
}

func imageNote(a audit.Report) string {
	for _, f := range a.Findings {
		if f.Rule == audit.UnmappedOwner && len(f.Paths) > 0 {
			return fmt.Sprintf("refused: %s of %d:%d and others, in layer %d", f.Paths[0], f.UID, f.GID, f.Layer+1)
		}
	}
	switch {
	case a.Verdict == audit.Unmappable:
		return "refused"
	case !a.Startable:
		return "its user is not in the map"
	}
	return ""
}
