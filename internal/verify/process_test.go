package verify

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var (
	idA = strings.Repeat("a", 64)
	idB = strings.Repeat("b", 64)
)

// What the kernel writes is read, and what is no such thing is left out.
func TestProcessesIn(t *testing.T) {
	status := func(name, uid string) []string {
		return []string{"Name:\t" + name, "PPid:\t1", "Uid:\t" + uid, "Gid:\t4\t5\t6\t7", "Groups:\t7 8 x "}
	}
	got := processesIn(host.Answers{Lines: map[string]host.Text{
		statusLines: {Files: map[string][]string{
			"/proc/20/task/20/status": status("a b:c", "1\t1\t1\t1"),
			"/proc/20/task/21/status": status("a b:c", "1\t1\t1\t1"),
			"/proc/20/task/19/status": status("a b:c", "1\t1\t1\t9"),
			"/proc/5/task/5/status":   {"Name:\tx", "Uid:\t0\t0\t0"},
			"/proc/x/task/y/status":   status("y", "1\t1\t1\t1"),
			"/proc/6":                 status("z", "1\t1\t1\t1"),
		}},
		cgroupLines: {Files: map[string][]string{"/proc/20/cgroup": {"0::/x"}, "/proc/99/cgroup": {"0::/y"}}},
		uidMapLines: {Files: map[string][]string{"/proc/20/uid_map": {"         0     100000      65536", "junk"}}},
		gidMapLines: {Files: map[string][]string{"/proc/20/gid_map": {"         0     200000      65536"}}},
	}})
	first := IDs{TID: 20, UID: [4]int64{1, 1, 1, 1}, GID: [4]int64{4, 5, 6, 7}, Groups: []int64{7, 8}}
	other := first
	other.TID, other.UID = 19, [4]int64{1, 1, 1, 9}
	assert.Equal(t, len(got), 1)
	p := got[0]
	assert.DeepEqual(t, []any{p.PID, p.Parent, p.Name, p.Count, p.Threads, p.cgroups}, []any{20, 1, "a b:c", 3, []IDs{first, other}, []string{"0::/x"}})
	assert.Assert(t, p.Map.Same(idmap.Map{UID: idmap.Single(100000, 65536).UID, GID: idmap.Single(200000, 65536).GID}))
}

func TestInCgroup(t *testing.T) {
	ids := map[string]bool{idA: true}
	for line, want := range map[string]string{
		"0::/docker/" + idA: idA,
		"1:name=systemd:/system.slice/docker-" + idA + ".scope":  idA,
		"0::/docker/" + idA + "/init.scope":                      idA,
		"12:cpu,cpuacct:/custom.slice/" + idA + "/docker/" + idB: idA,
		"0::/docker/" + idB:        "",
		"0::/":                     "",
		"0::/kubepods/" + idA[:63]: "",
		"":                         "",
		"0::/system.slice/docker-" + idA[:32] + "-" + idA[32:] + ".scope": "",
	} {
		assert.Equal(t, inCgroup([]string{line}, ids), want, line)
	}
}

// A process is of the container whose cgroup it is in, otherwise of the one that its
// ancestors are of.
func TestOwners(t *testing.T) {
	containers := []survey.Container{{ID: idA, PID: 10}, {ID: idB, PID: 20, UsernsMode: "host"}}
	m := idmap.Single(100000, 65536)
	owned, strays := ofContainers([]Process{
		{PID: 1}, {PID: 2, Parent: 1},
		{PID: 10, Parent: 2, Map: m}, {PID: 11, Parent: 10, Map: m}, {PID: 12, Parent: 11, Map: m},
		{PID: 13, Parent: 2, Map: m, cgroups: []string{"0::/docker/" + idA}},
		{PID: 20, Parent: 2}, {PID: 21, Parent: 20},
		{PID: 30, Parent: 2, Map: m},                           // like A's, of nobody
		{PID: 31, Parent: 2, Map: idmap.Single(200000, 65536)}, // another's
		{PID: 40, Parent: 41}, {PID: 41, Parent: 40},           // PIDs that were used again
	}, containers)
	whose := map[int]string{}
	for _, p := range owned {
		whose[p.PID] = p.Container[:1]
		assert.Equal(t, p.HostUserns, p.Container == idB)
	}
	assert.DeepEqual(t, whose, map[int]string{10: "a", 11: "a", 12: "a", 13: "a", 20: "b", 21: "b"})
	assert.Equal(t, len(strays), 1)
	assert.Equal(t, strays[0].PID, 30)
}

func TestPsRow(t *testing.T) {
	p, ok := psRow(strings.SplitN("22589 22569 100000 100001 100002 100003 100004 100005 100006 100007 my prog 7,8", " ", 12))
	assert.Assert(t, ok)
	assert.Equal(t, p.Name, "my prog")
	assert.DeepEqual(t, p.Threads[0], IDs{TID: 22589, UID: [4]int64{100000, 100001, 100002, 100003}, GID: [4]int64{100004, 100005, 100006, 100007}, Groups: []int64{7, 8}})
	p, ok = psRow(strings.Fields("1 0 0 0 0 0 0 0 0 0 sleep -"))
	assert.Assert(t, ok && p.Threads[0].Groups == nil)
	for _, row := range [][]string{nil, {"1"}, strings.Fields("1 0 0 0 x 0 0 0 0 0 sleep -")} {
		_, ok := psRow(row)
		assert.Assert(t, !ok, "%q", row)
	}
	_, err := topped(survey.Container{Name: "web"}, container.TopResponse{Processes: [][]string{{"1"}}})
	assert.ErrorContains(t, err, "web")
}

func TestChoose(t *testing.T) {
	all := []survey.Container{{ID: idA, Name: "web", State: "running"}, {ID: idB, Name: idA[:5], State: "running"}, {ID: "c", Name: "old", State: "exited"}}
	for name, want := range map[string]string{"web": idA, "/web": idA, idA: idA, "aa": idA, idA[:5]: idB} {
		chosen, err := choose(facts(all), []string{name, name})
		assert.NilError(t, err)
		assert.Equal(t, len(chosen), 1)
		assert.Equal(t, chosen[0].ID, want, name)
	}
	for _, name := range []string{"old", "", "c", "x"} {
		_, err := choose(facts(all), []string{name})
		assert.ErrorIs(t, err, ErrNoContainer)
	}
	chosen, err := choose(facts(all), nil)
	assert.NilError(t, err)
	assert.Equal(t, len(chosen), 2)
}

func facts(containers []survey.Container) (f survey.Facts) {
	f.Containers.Value = containers
	return f
}
