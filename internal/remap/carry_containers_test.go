package remap

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// idOf is the ID of a container in these tests.
func idOf(name string) string { return strings.Repeat("0", 64-len(name)) + name }

// inhabited is the shelved host with containers.
func inhabited(containers ...survey.Container) survey.Facts {
	f := shelved()
	f.Volumes.Value = f.Volumes.Value[1:]
	for i := range containers {
		c := &containers[i]
		c.ID, c.Image = idOf(c.Name), "app:1"
		if c.ImageID == "" {
			c.ImageID = imageA
		}
		if c.State == "" {
			c.State = "running"
		}
	}
	f.Containers.Value = containers
	return f
}

func volume(name string) []survey.Mount { return []survey.Mount{{Type: "volume", Name: name}} }

// What a container needs decides whether it is carried, and whether it is started.
func TestChooseContainers(t *testing.T) {
	everything := Wanted{Images: true, Volumes: true, Networks: true, Containers: true}
	for name, tc := range map[string]struct {
		containers []survey.Container
		exclude    []Exclusion
		left       map[string]string // why, by name
		refused    map[string]string
		same       []string // volumes whose owners stay
	}{
		"plain":                     {containers: []survey.Container{{Name: "web", Mounts: volume("data")}}},
		"gone once it stops":        {containers: []survey.Container{{Name: "once", AutoRemove: true}}},
		"created with --rm":         {containers: []survey.Container{{Name: "once", AutoRemove: true, State: "created"}}},
		"excluded":                  {containers: []survey.Container{{Name: "web"}}, exclude: []Exclusion{{survey.KindContainer, "w*"}}, left: map[string]string{"web": "excluded"}},
		"a volume of that name":     {containers: []survey.Container{{Name: "web"}}, exclude: []Exclusion{{survey.KindVolume, "web"}}},
		"its image is excluded":     {containers: []survey.Container{{Name: "web"}}, exclude: []Exclusion{{survey.KindImage, "app"}, {survey.KindImage, "old/*"}}, left: map[string]string{"web": ""}},
		"its image is gone":         {containers: []survey.Container{{Name: "web", ImageID: "sha256:0"}}, left: map[string]string{"web": "its image app:1 was deleted"}},
		"its volume is excluded":    {containers: []survey.Container{{Name: "web", Mounts: volume("cache")}}, exclude: []Exclusion{{survey.KindVolume, "cache"}}, left: map[string]string{"web": "its volume cache is left out"}},
		"its volume is of a plugin": {containers: []survey.Container{{Name: "web", Mounts: volume("nfs")}}, left: map[string]string{"web": "its volume nfs is left out"}},
		"dead":                      {containers: []survey.Container{{Name: "web", State: "dead"}}, left: map[string]string{"web": "it is being removed"}},
		"privileged": {
			containers: []survey.Container{{Name: "web", Privileged: true, NetworkMode: "host"}},
			refused:    map[string]string{"web": "remap refuses --network=host, --privileged without --userns=host"},
		},
		"privileged, in the host's user namespace": {
			containers: []survey.Container{{Name: "web", Privileged: true, UsernsMode: "host", Mounts: volume("data")}}, same: []string{"data"},
		},
		"a volume of both": {containers: []survey.Container{{Name: "web", UsernsMode: "host", Mounts: volume("data")}, {Name: "app", Mounts: volume("data")}}},
		"a user outside the map": {
			containers: []survey.Container{{Name: "web", Identity: read(survey.Account{UID: 70000})}},
			refused:    map[string]string{"web": "it asks for IDs outside the map: user 70000"},
		},
		"they join one that is refused": {
			containers: []survey.Container{
				{Name: "log", IPCMode: "container:" + idOf("app")}, {Name: "app", NetworkMode: "container:" + idOf("web")}, {Name: "web", PIDMode: "host"},
			},
			refused: map[string]string{
				"web": "remap refuses --pid=host without --userns=host", "app": "it joins the network of web, which is not started", "log": "it joins the ipc of app, which is not started",
			},
		},
		"it joins one that is left out": {
			containers: []survey.Container{{Name: "app", NetworkMode: "container:web"}, {Name: "web"}}, exclude: []Exclusion{{survey.KindContainer, "web"}},
			left: map[string]string{"web": "excluded"}, refused: map[string]string{"app": "it joins the network of web, which is not started"},
		},
		"it joins one in the host's user namespace": {
			containers: []survey.Container{{Name: "app", NetworkMode: "container:web"}, {Name: "web", UsernsMode: "host"}},
			refused:    map[string]string{"app": "it joins the network of web, and only one of the two has --userns=host"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, w := inhabited(tc.containers...), everything
			w.Exclude = tc.exclude
			chosen := choose(t, f, w)
			left, carried := map[string]string{}, map[string]carry.Container{}
			for _, l := range chosen.Left {
				if l.Kind == survey.KindContainer {
					left[l.Name] = l.Why
				}
			}
			for _, c := range chosen.Job.Containers {
				carried[c.ID] = c
			}
			for _, c := range f.Containers.Value {
				why, isLeft := left[c.Name]
				want, wanted := tc.left[c.Name]
				assert.Equal(t, isLeft, wanted, "%s: %s", c.Name, why)
				assert.Assert(t, want == "" || want == why, why)
				one, isCarried := carried[c.ID]
				assert.Equal(t, isCarried, !isLeft && (!c.AutoRemove || !c.Running()))
				if isCarried {
					assert.DeepEqual(t, one, carry.Container{ID: c.ID, HostUserns: c.HostUserns(), Stopped: tc.refused[c.Name] != ""})
					assert.Equal(t, chosen.Refused[c.ID], tc.refused[c.Name])
				}
			}
			assert.DeepEqual(t, chosen.Job.SameOwners, tc.same)
		})
	}
}

// Containers of the containerd image store are named with what recreates them.
func TestContainersOfContainerdsStore(t *testing.T) {
	f := inhabited(survey.Container{Name: "web", Labels: map[string]string{"com.docker.compose.project": "shop"}}, survey.Container{Name: "db"})
	f.Engine.Value.DriverStatus = [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}
	var left []string
	for _, l := range choose(t, f, Wanted{Images: true, Volumes: true, Networks: true, Containers: true}).Left {
		if l.Kind == survey.KindContainer {
			left = append(left, l.Name+": "+l.Why)
		}
	}
	assert.DeepEqual(t, left, []string{
		"web: it is in the containerd image store: recreate it with docker compose, project shop", "db: it is in the containerd image store: recreate it",
	})
}

// What is measured with a problem takes the containers that need it along. What ran and is
// not refused is started before the proof.
func TestPlanContainers(t *testing.T) {
	f := inhabited(
		survey.Container{Name: "web", Mounts: append(volume("data"), survey.Mount{Type: "bind", Source: "/var/lib/docker/volumes"}, survey.Mount{Type: "bind", Source: "/var/lib/dockerfiles"})},
		survey.Container{Name: "agent", UsernsMode: "host", Privileged: true, Mounts: volume("cache")},
		survey.Container{Name: "build", Privileged: true},
		survey.Container{Name: "done", State: "exited"},
		survey.Container{Name: "loop", State: "restarting"},
	)
	w := Wanted{Images: true, Volumes: true, Networks: true, Containers: true}
	m := measured()
	m.Containers = map[string]carry.Size{idOf("web"): {Bytes: 1e6, Files: 12}}
	c, err := PlanCarry(f, choose(t, f, w), m)
	assert.NilError(t, err)
	assert.Equal(t, c.String(), "2 images, 2 volumes, 1 network and 5 containers")
	assert.DeepEqual(t, c.Ran, []Object{{ID: idOf("web"), Name: "web"}, {ID: idOf("agent"), Name: "agent"}})
	notes := map[string][]string{}
	for _, i := range append(c.Containers, c.Volumes...) {
		notes[i.Name] = i.Notes
	}
	assert.DeepEqual(t, notes, map[string][]string{
		"web": {"mounts /var/lib/docker/volumes of the old data root"}, "agent": {"in the user namespace of the host"},
		"build": {"not started: remap refuses --privileged without --userns=host"}, "done": nil, "loop": nil,
		"data": {"3 files keep their owners, which the map does not have"}, "cache": {"owners stay as they are: only containers with --userns=host use it"},
	})
	p := enable(t, f, func(o *EnableOptions) { o.Carry = c })
	assert.DeepEqual(t, names(p)[6:], []string{"restart", "start", "prove", "keep"})
	assert.Equal(t, step(t, p, "start").Title, "Start the containers that ran before the restart: web, agent")

	m.Problems = map[string]string{"data": "it is a link", idOf("done"): "damaged"}
	c, err = PlanCarry(f, choose(t, f, w), m)
	assert.NilError(t, err)
	assert.Equal(t, len(c.Job.Containers), 3)
	assert.DeepEqual(t, c.LeftOut[2:], []LeftOut{{survey.KindContainer, "web", "its volume data is left out"}, {survey.KindContainer, "done", "damaged"}})
	assert.DeepEqual(t, c.Ran, []Object{{ID: idOf("agent"), Name: "agent"}})
}
