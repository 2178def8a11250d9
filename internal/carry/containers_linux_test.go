package carry_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// create makes a container, and writes to its layer as if it had run.
func create(t *testing.T, api *client.Client, name string, host container.HostConfig, script string) string {
	t.Helper()
	c, err := api.ContainerCreate(t.Context(), &container.Config{Image: "busybox:1", Cmd: []string{"true"}}, &host, &network.NetworkingConfig{}, nil, name)
	assert.NilError(t, err)
	made, err := api.ContainerInspect(t.Context(), c.ID)
	assert.NilError(t, err)
	upper := made.GraphDriver.Data["UpperDir"]
	sh(t, "/", "mkdir -p "+upper)
	sh(t, upper, script)
	return c.ID
}

// inspected is what the engine says of a container, apart from where its data root is.
func inspected(t *testing.T, api *client.Client, id, root string) map[string]any {
	t.Helper()
	_, raw, err := api.ContainerInspectWithRaw(t.Context(), id, false)
	assert.NilError(t, err)
	var all map[string]any
	assert.NilError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(raw), root+"/", "ROOT/")), &all))
	slices.SortFunc(all["Mounts"].([]any), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	delete(all, "GraphDriver") // has the paths of all layers, in the order that the links were made
	return all
}

// Containers keep their IDs, settings and writable layers.
func TestJobWithContainers(t *testing.T) {
	old, api, job := engineWith(t)
	always := container.RestartPolicy{Name: "always"}
	web := create(t, api, "web", container.HostConfig{
		NetworkMode: "none", RestartPolicy: always,
		Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: "one", Target: "/one"}, {Type: mount.TypeBind, Source: old.DataRoot() + "/volumes", Target: "/logs"}},
	}, "mkdir -p etc; echo written >etc/written; chown 5:6 etc/written; mknod gone c 0 0")
	agent := create(t, api, "agent", container.HostConfig{NetworkMode: "none", RestartPolicy: always}, "echo host >host")
	stopped := create(t, api, "stopped", container.HostConfig{NetworkMode: "none", RestartPolicy: always}, "true")
	left := create(t, api, "left", container.HostConfig{NetworkMode: "none"}, "true")
	excluded := create(t, api, "excluded", container.HostConfig{NetworkMode: "none"}, "echo excluded >excluded")
	gone := create(t, api, "gone", container.HostConfig{NetworkMode: "none"}, "true")
	sh(t, old.DataRoot()+"/containers/"+web, "echo x >hosts; chmod 6755 hosts")
	job.Containers = []carry.Container{{ID: web}, {ID: agent}, {ID: stopped, Stopped: true}, {ID: gone}}
	job.Known, job.Networks = []string{left}, true
	before := map[string]map[string]any{}
	for _, id := range []string{web, agent, stopped} {
		before[id] = inspected(t, api, id, old.DataRoot())
	}
	diff, err := api.ContainerDiff(t.Context(), web)
	assert.NilError(t, err)

	m, err := job.Measure(t.Context(), 2)
	assert.NilError(t, err)
	assert.Equal(t, len(m.Containers), 4)
	assert.Equal(t, len(m.Problems), 0, "%v", m.Problems)
	assert.NilError(t, prepare(t, job))
	job.Containers[1].HostUserns, job.SameOwners = true, []string{"host"} // other than the attempt before
	job.Containers = append(job.Containers[:4], carry.Container{ID: excluded})
	assert.NilError(t, prepare(t, job))
	job.Containers = job.Containers[:4]
	job.Known = append(job.Known, excluded)
	assert.NilError(t, prepare(t, job))
	sh(t, "/", "echo later >>$(ls "+old.DataRoot()+"/overlay2/*/diff/etc/written)")
	assert.NilError(t, api.ContainerRemove(t.Context(), gone, container.RemoveOptions{}))
	create(t, api, "fresh", container.HostConfig{NetworkMode: "none"}, "true")
	old.Stop()
	r := finish(t, job)
	assert.DeepEqual(t, r.Containers, []string{web, agent, stopped})
	assert.DeepEqual(t, r.Gone, []string{gone})
	assert.DeepEqual(t, r.New, []string{"fresh"})

	remapped := testengine.Start(t, testengine.Options{Remap: true, DataRoot: old.DataRoot()})
	mapped := remapped.Client(t)
	all, err := mapped.ContainerList(t.Context(), container.ListOptions{All: true})
	assert.NilError(t, err)
	assert.Equal(t, len(all), 3)
	before[agent]["HostConfig"].(map[string]any)["UsernsMode"] = "host"
	before[stopped]["HostConfig"].(map[string]any)["RestartPolicy"] = map[string]any{"Name": "no", "MaximumRetryCount": 0.0}
	for id, want := range before {
		got := inspected(t, mapped, id, job.Place)
		// dockerd starts those with a policy, and testengine has nothing to run them with.
		for _, o := range []map[string]any{got, want} {
			delete(o, "State")
			delete(o, "RestartCount")
			delete(o, "NetworkSettings")
			delete(o, "HostsPath")
			delete(o, "HostnamePath")
			delete(o, "ResolvConfPath")
			for _, key := range []string{"Dns", "DnsOptions", "DnsSearch"} { // null before a restart of dockerd, then empty
				delete(o["HostConfig"].(map[string]any), key)
			}
		}
		if id == web { // a bind mount of the old data root stays one
			want = jsonWith(t, want, "ROOT/volumes\"", old.DataRoot()+"/volumes\"")
		}
		assert.DeepEqual(t, got, want)
	}
	after, err := mapped.ContainerDiff(t.Context(), web)
	assert.NilError(t, err)
	assert.DeepEqual(t, sorted(after), sorted(diff))
	assert.Equal(t, sh(t, job.Place, "stat -c %a containers/"+web+"/hosts"), "755", "nobody becomes root with it")
	owner := func(id, file string) string {
		c, err := mapped.ContainerInspect(t.Context(), id)
		assert.NilError(t, err)
		return sh(t, c.GraphDriver.Data["UpperDir"], "stat -c %u:%g "+file)
	}
	assert.Equal(t, owner(web, "etc/written"), "100005:100006")
	assert.Equal(t, owner(agent, "host"), "0:0")
	assert.Equal(t, sh(t, job.Place, "ls overlay2/*/diff/excluded 2>/dev/null || true"), "", "nothing is left of what is excluded later")
	assert.Equal(t, sh(t, job.Place, "cat overlay2/*/diff/etc/written"), "written\nlater")
	assert.Equal(t, sh(t, job.Place, "stat -c '%a %u:%g' containers containers/"+web), "710 0:100000\n710 0:100000")
}

// jsonWith replaces a text in a value.
func jsonWith(t *testing.T, v map[string]any, old, new string) (changed map[string]any) {
	t.Helper()
	raw, err := json.Marshal(v)
	assert.NilError(t, err)
	assert.NilError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(raw), old, new)), &changed))
	return changed
}

func sorted(changes []container.FilesystemChange) (lines []string) {
	for _, c := range changes {
		lines = append(lines, fmt.Sprint(c.Kind, c.Path))
	}
	slices.Sort(lines)
	return lines
}

// What an engine did not write is not followed, and names the container.
func TestDamagedContainers(t *testing.T) {
	_, api, job := engineWith(t)
	id := create(t, api, "web", container.HostConfig{NetworkMode: "none"}, "true")
	job.Containers = []carry.Container{{ID: id}}
	mounts := filepath.Join(job.From, "image/overlay2/layerdb/mounts", id)
	for damage, want := range map[string]string{
		"printf ../../etc >mount-id": "which no engine wrote",
		"rm init-id":                 "no such file",
	} {
		kept := sh(t, mounts, "cp -a . "+t.TempDir()+"/kept; cat mount-id init-id")
		sh(t, mounts, damage)
		err := prepare(t, job)
		assert.ErrorContains(t, err, "container "+id)
		assert.ErrorContains(t, err, want)
		m, err := job.Measure(t.Context(), 1)
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(m.Problems[id], want), "%v", m.Problems)
		sh(t, mounts, "printf "+kept[:64]+" >mount-id; printf "+kept[64:]+" >init-id")
	}
	job.Containers[0].ID = "../x"
	assert.ErrorContains(t, prepare(t, job), "not the ID of a container")
}
