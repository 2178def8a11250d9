package survey

import (
	"testing"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Missing parts of an answer cause no panic.
func TestHalfAnswers(t *testing.T) {
	assert.Equal(t, containerOf(container.InspectResponse{}).ID, "")
	c := containerOf(container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{ID: "a", Name: "/b"}})
	assert.Equal(t, c.Name, "b")
	assert.Check(t, !c.Running())
	assert.Equal(t, len(kept([]inspected{{}, c})), 1)
	assert.Equal(t, EngineOf(system.Info{}, types.Version{}).RuncVersion, "")
	assert.Equal(t, len(volumesOf([]*volume.Volume{nil}, []*volume.Volume{nil, {}})), 0)
	assert.Equal(t, len(pluginsOf(types.PluginsListResponse{nil})), 0)
	assert.Equal(t, servicesOf([]swarm.Service{{}})[0].Mode, "replicated")
	assert.Equal(t, len(imagesOf([]image.Summary{{RepoTags: []string{"<none>:<none>"}}})[0].Tags), 0)
}

func TestVolumeSizes(t *testing.T) {
	got := volumesOf([]*volume.Volume{{Name: "b"}, {Name: "a"}}, []*volume.Volume{{Name: "a", UsageData: &volume.UsageData{Size: 7, RefCount: 2}}})
	assert.DeepEqual(t, got, []Volume{{Name: "a", Size: 7, Containers: 2}, {Name: "b", Size: -1, Containers: -1}})
}

func TestOwnNetworksAreLeftOut(t *testing.T) {
	got := networksOf([]network.Summary{{Name: "bridge"}, {Name: "shop"}, {Name: "none"}, {Name: "ingress"}})
	assert.DeepEqual(t, got, []Network{{Name: "shop"}})
}

func TestLayers(t *testing.T) {
	got := layersOf(map[string]string{"UpperDir": "/d/up/diff", "LowerDir": "/d/init/diff:/d/low/diff:relative:"})
	assert.DeepEqual(t, got, []string{"/d/up/diff", "/d/init/diff", "/d/low/diff"})
	assert.Equal(t, len(layersOf(nil)), 0)
}

func TestContainerWords(t *testing.T) {
	name, ok := Container{Name: "buildx_buildkit_multi0"}.Builder()
	assert.Check(t, ok)
	assert.Equal(t, name, "multi")
	_, ok = Container{Name: "web"}.Builder()
	assert.Check(t, !ok)
	c := Container{NetworkMode: "container:abc", PIDMode: "host", IPCMode: "container:def"}
	assert.DeepEqual(t, c.Shares(), map[string]string{"network": "abc", "ipc": "def"})
}

// Whatever a host answers, parsing it does not panic.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{show, "root:x:0:0::/:/bin/sh", "Uid:\t0\t0\t0\t0", "0::/a.service", "../..//a", "100000.100000", "subid: sss", "A=\"b\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, u := range parseShow(s) {
			unitOf(u)
		}
		merged(ParsePasswd(s), parseGroup(s))
		cgroupUnit(s)
		osRelease(s)
		subIDSource(s)
		dockerd.RootIDs(s)
		host.ParseStatus([]string{s})
		idmap.FromProc([]string{s}).ToContainer(5)
		arguments([]byte(s))
		EngineOf(system.Info{OperatingSystem: s, Name: s, SecurityOptions: []string{s}}, types.Version{}).Remapped()
		(&look{}).where(Facts{Endpoint: s})
	})
}
