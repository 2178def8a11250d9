package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var impactChecks = []Check{
	{Question: Question{ID: ImpactContainers, Category: catImpact, Title: "No container is left behind"}, Needs: []string{"daemon-answers"}, Run: impactContainers},
	{Question: Question{ID: "impact-stop-time", Category: catImpact, Title: "Containers stop quickly"}, Needs: []string{"daemon-answers"}, Run: impactStopTime},
	{Question: Question{ID: "impact-host-namespaces", Category: catImpact, Title: "No container is privileged or joins a namespace of the host"}, Needs: []string{"daemon-answers"}, Run: impactHostNamespaces},
	{Question: Question{ID: "impact-shared-namespaces", Category: catImpact, Title: "No container shares a namespace across --userns=host"}, Needs: []string{"daemon-answers"}, Run: impactShared},
	{Question: Question{ID: "impact-userns-host", Category: catImpact, Title: "No container uses --userns=host"}, Needs: []string{"daemon-answers"}, Run: impactUsernsHost},
	{Question: Question{ID: "impact-ids", Category: catImpact, Title: "No container asks for an ID outside the map"}, Needs: []string{"daemon-answers", "subid-map"}, Run: impactIDs},
	{Question: Question{ID: "impact-devices", Category: catImpact, Title: "No container uses a device of the host"}, Needs: []string{"daemon-answers"}, Run: impactDevices},
	{Question: Question{ID: "impact-docker-socket", Category: catImpact, Title: "No container uses the Docker socket"}, Needs: []string{"daemon-answers"}, Run: impactDockerSocket},
	{Question: Question{ID: ImpactBindMounts, Category: catImpact, Title: "Containers keep access to the files they mount from the host"}, Needs: []string{"host-reachable", "daemon-answers", "subid-map"}, Run: impactBindMounts},
	{Question: Question{ID: ImpactSockets, Category: catImpact, Title: "Containers keep access to the sockets they mount from the host"}, Needs: []string{"host-reachable", "daemon-answers", "subid-map"}, Run: impactSockets},
	{Question: Question{ID: ImpactVolumes, Category: catImpact, Title: "No volume is left behind"}, Needs: []string{"daemon-answers"}, Run: impactVolumes},
	{Question: Question{ID: ImpactImages, Category: catImpact, Title: "A remapped engine accepts every image"}, Needs: []string{"daemon-answers", "subid-map"}, Run: impactImages},
	{Question: Question{ID: ImpactNetworks, Category: catImpact, Title: "No network is left behind"}, Needs: []string{"daemon-answers"}, Run: impactNetworks},
	{Question: Question{ID: "impact-plugins", Category: catImpact, Title: "No managed plugin is left behind"}, Needs: []string{"daemon-answers"}, Run: impactPlugins},
	{Question: Question{ID: "impact-builders", Category: catImpact, Title: "No buildx builder is left behind"}, Needs: []string{"daemon-answers"}, Run: impactBuilders},
	{Question: Question{ID: "impact-services", Category: catImpact, Title: "No swarm service runs here"}, Needs: []string{"daemon-answers"}, Run: impactServices},
}

// each asks note about every container, and warns of those for which it has an answer,
// in words for one of them and for many.
func each(in *Input, what, one, many string, note func(survey.Container) string) Result {
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
	r.Status, r.Message = Warning, report.Counted(len(r.Details), one, many)
	return r
}

// alreadyOn reports whether remap is on already, so that nothing is left behind by turning
// it on.
func alreadyOn(in *Input) (Result, bool) {
	return skip("the engine remaps already"), in.on()
}

func impactContainers(in *Input) Result {
	if r, ok := alreadyOn(in); ok {
		return r
	}
	return each(in, "which containers exist", "container stays in the old data root, stopped, and must be recreated", "containers stay in the old data root, stopped, and must be recreated", func(c survey.Container) string {
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

func impactHostNamespaces(in *Input) Result {
	return each(in, "what containers share with the host",
		"container is privileged or uses a namespace of the host, which remap refuses without --userns=host",
		"containers are privileged or use a namespace of the host, which remap refuses without --userns=host", func(c survey.Container) string {
			return strings.Join(c.HostUses(), ", ")
		})
}

func impactShared(in *Input) Result {
	return each(in, "which namespaces containers share",
		"container shares a namespace with one that differs in --userns=host, and will not start",
		"containers share a namespace with one that differs in --userns=host, and will not start", func(c survey.Container) string {
			return strings.Join(in.JoinsAcross(c), ", ")
		})
}

func impactUsernsHost(in *Input) Result {
	return each(in, "which containers use --userns=host",
		"container uses --userns=host, so its root is root of the host, and sudo and other setuid programs fail in it because files of its image belong to mapped IDs",
		"containers use --userns=host, so their root is root of the host, and sudo and other setuid programs fail in them because files of their images belong to mapped IDs", func(c survey.Container) string {
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
	r := each(in, "which IDs containers use",
		"container uses an ID that is not in the map, and will not start",
		"containers use IDs that are not in the map, and will not start", func(c survey.Container) string {
			return strings.Join(c.OutsideMap(m), ", ")
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
		r.Message += ", tmpfs mounts included"
	} else {
		r.Status, r.Message = Unknown, fmt.Sprintf("could not determine the user of %s; look with: %s", count(len(r.Details), "container"), in.docker("exec", "CONTAINER", "id"))
	}
	return r
}

func impactDevices(in *Input) Result {
	return each(in, "which devices containers use",
		"container uses devices of the host, to which mapped users have no access; recreate it with --userns=host if it needs them",
		"containers use devices of the host, to which mapped users have no access; recreate them with --userns=host if they need them", func(c survey.Container) string {
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
	return each(in, "which containers use the Docker socket",
		"container uses the Docker socket, to which mapped users have no access; recreate it with --userns=host if it must control the engine",
		"containers use the Docker socket, to which mapped users have no access; recreate them with --userns=host if they must control the engine", func(c survey.Container) string {
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
	if r, ok := alreadyOn(in); ok {
		return r
	}
	if in.Audits.Err != nil {
		return unread("which images a remapped engine accepts", in.Audits.Err)
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
		r.Status, r.Message = Warning, fmt.Sprintf("a remapped engine refuses or cannot start %d of %s; see which files, and how to fix them, with: %s", bad, count(len(in.Audits.Value), "image"), in.docker("userns", "audit-image", "IMAGE"))
		if len(names) > 0 {
			r.Message += "; " + in.notChecked(len(names))
		}
		return r.With(in.whyUnread(names)...)
	case in.Images.Err != nil:
		return unread("whether every image was checked", in.Images.Err)
	case len(names) > 0:
		r := unsure("%s", in.notChecked(len(names)))
		if len(names) < total {
			r.Message += fmt.Sprintf("; the remaining %d of %d are accepted", total-len(names), total)
		}
		return r.With(in.whyUnread(names)...)
	}
	return pass("%s", count(len(in.Audits.Value), "image"))
}

func (in *Input) notChecked(n int) string {
	return fmt.Sprintf("%s not checked; check them all with: %s", report.Counted(n, "image was", "images were"), in.docker("userns", "check", "--all-images"))
}

// whyUnread says for the images of names why they were not checked, once for each reason.
func (in *Input) whyUnread(names map[string]string) (all []Detail) {
	images := map[string]int{}
	for id := range names {
		if why := in.Unread[id]; why != nil {
			images[why.Error()]++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(images)) {
		all = append(all, Detail{Name: count(images[why], "image"), Note: why})
	}
	return all
}

func imageNote(a audit.Report) string {
	switch refusal := a.Refusal(); {
	case refusal != "":
		return "refused: " + refusal
	case a.Verdict == audit.Unmappable:
		return "refused"
	case !a.Startable:
		return "does not start: its user is not in the map"
	}
	return ""
}
