package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// inhabit adds containers that run in ways that matter when they are carried over, to a
// host with things stored.
func inhabit(t *testing.T, host *testbed.Host) {
	t.Helper()
	host.Shell(t, `docker network create --subnet=10.77.0.0/24 --label kept=yes shop
		systemctl reset-failed docker; systemctl restart docker # which adds the gateway to what it says of the network
		docker start once writer
		quick='--stop-signal=KILL' refused=--privileged
		docker run --rm --network=none $refused bb sh -c : 2>/dev/null || refused=--pid=host # the runc of 20.10 wants more than a host here has
		docker run -d $quick --name=db --network=shop --ip=10.77.0.9 --mac-address=02:42:0a:4d:00:09 --network-alias=base --restart=unless-stopped -v kept:/kept bb sh -c 'echo started; sleep 100000'
		docker run -d $quick --name=side --network=container:db --restart=always bb sleep 100000
		docker run -d $quick --name=agent $refused --network=host --restart=always -v scratch:/scratch bb sleep 100000
		docker run -d $quick --name=build $refused --network=none --restart=always bb sleep 100000
		docker run -d $quick --name=shipper --network=none -v /var/lib/docker/volumes:/volumes:ro bb sleep 100000
		docker run --name=ended --network=none bb sh -c 'echo over'
		docker exec db sh -c 'echo written >/written; chown 5:6 /written; busybox chmod 4711 /written; busybox rm /bin/cat; busybox mkdir -p /d/e; echo x >/bin/added'
		docker exec agent sh -c 'echo host >/host'
		docker exec -d db sleep 100000`)
}

// inspection is what the engine says of containers, without what every restart changes and
// the paths of the data root.
func inspection(t *testing.T, host *testbed.Host, root string, names ...string) string {
	t.Helper()
	const format = `{{.Id}} {{.Name}} {{.Image}} {{.Path}} {{json .Args}} {{json .Config}} {{json .HostConfig.Binds}} {{json .HostConfig.PortBindings}} {{.HostConfig.NetworkMode}} {{.LogPath}} {{range .Mounts}}{{.Type}} {{.Name}} {{.Source}} {{end}}{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{$e.NetworkID}} {{$e.IPAddress}} {{$e.MacAddress}} {{json $e.Aliases}}{{end}}`
	var all strings.Builder
	for _, name := range names {
		all.WriteString(host.Run(t, "docker", "inspect", "-f", format, name))
		all.WriteString(host.Shell(t, "docker diff "+name+" | sort"))
	}
	return strings.ReplaceAll(all.String(), root+"/", "ROOT/")
}

// eachInhabited tells a story on inhabited hosts of the engines with overlay2, side by side:
// of all with TEST_ALL=1, otherwise of a sample.
func eachInhabited(t *testing.T, story func(t *testing.T, host *testbed.Host), sample ...testbed.Engine) {
	t.Helper()
	testbed.Need(t)
	for engine, first := range map[testbed.Engine]testbed.Engine{
		testbed.Engine20: testbed.Engine20, testbed.Engine26: testbed.Engine26, testbed.Engine28: testbed.Engine28,
		testbed.Upgraded29: testbed.Engine28, // which has made some of what is there
	} {
		t.Run(string(engine), func(t *testing.T) {
			if !slices.Contains(sample, engine) && os.Getenv("TEST_ALL") == "" {
				t.Skip("only a sample is tried without TEST_ALL=1")
			}
			t.Parallel()
			host := boot(t, first)
			stored(t, host)
			if engine == testbed.Upgraded29 {
				host.Upgrade(t)
			}
			inhabit(t, host)
			story(t, host)
		})
	}
}

// Containers and networks are what they were after enable --carry: IDs, addresses, logs and
// what was written. Those that a remapped engine does not start are stopped, unless they
// stay in the user namespace of the host.
func TestCarryContainers(t *testing.T) {
	eachInhabited(t, carryContainers, testbed.Engine20, testbed.Upgraded29)
}

func carryContainers(t *testing.T, host *testbed.Host) {
	const next = "/var/lib/docker/165536.165536"
	same := []string{"db", "side", "ended", "job"}
	before := inspection(t, host, "/var/lib/docker", same...)
	networks := host.Shell(t, "docker network inspect -f '{{.ID}} {{.Name}} {{.Driver}} {{.Internal}} {{json .IPAM.Config}} {{json .Labels}} {{json .Options}}' shop front")
	old := engine(t, host)
	args := []string{"enable", "--carry", "--userns-host=agent", "--exclude=image:refused"}

	plan := change(t, host, "root", append(args, "--dry-run")...)
	assert.Equal(t, plan.code, 0, "%s%s", plan.stdout, plan.stderr)
	for _, want := range []string{
		"2 networks: ", "10 containers", "in the user namespace of the host", "not started: remap refuses --p",
		"mounts /var/lib/docker/volumes of the old data root", "owners stay as they are", "Start the containers that ran before the restart: ",
	} {
		assert.Check(t, strings.Contains(plan.stdout, want), "no %q in:\n%s", want, plan.stdout)
	}

	a := change(t, host, "root", append(args, "--yes", "--stable=1s")...)
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	settled(t, host)
	assert.Equal(t, inspection(t, host, next, same...), before)
	assert.Equal(t, host.Shell(t, "docker network inspect -f '{{.ID}} {{.Name}} {{.Driver}} {{.Internal}} {{json .IPAM.Config}} {{json .Labels}} {{json .Options}}' shop front"), networks)
	assert.Equal(t, host.Shell(t, "docker ps --format '{{.Names}}' | sort | xargs"), "agent db once shipper side web writer")
	assert.Equal(t, host.Shell(t, "docker inspect -f '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{.State.StartedAt}}' build | cut -c1-12"), "exited no 20")
	assert.Equal(t, host.Shell(t, "docker exec db sh -c 'stat -c \"%u:%g %a\" /written; echo /bin/c*'"), "5:6 4711\n/bin/chown")
	assert.Equal(t, host.Shell(t, "docker logs db | sort | uniq -c | tr -s ' '; docker logs ended"), " 2 started\nover", "the log continues")
	assert.Equal(t, host.Shell(t, "docker exec side stat -c %n /sys/class/net/eth0"), "/sys/class/net/eth0", "it is in the network of db")
	uid := func(name string) string {
		return host.Shell(t, "stat -c %u /proc/$(docker inspect -f '{{.State.Pid}}' "+name+")")
	}
	assert.Equal(t, uid("db")+" "+uid("agent"), "165536 0")
	assert.Equal(t, host.Shell(t, "docker exec agent sh -c 'stat -c %u /host /scratch /scratch/f'"), "0\n0\n0")
	assert.DeepEqual(t, verifyOver(t, host, "root").found("error"), []string{"mounts"}) // of shipper, as was said
	for _, kind := range []string{"containers", "volumes", "networks"} {
		v := verifyOver(t, host, "root").of(t, "carried-"+kind)
		want := "ok"
		if kind == "containers" {
			want = "warning" // build ran
		}
		assert.Check(t, v.Status == want, "%s: %v", kind, v)
	}

	a = change(t, host, "root", "disable", "--yes", "--stable=1s")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	assert.Equal(t, engine(t, host), old)
	assert.Equal(t, inspection(t, host, "/var/lib/docker", same...), before)
}

// A container that ran, and does not with remap on, is a reason to undo the change. One
// that was stopped before is not: it runs once it has access. The second attempt goes
// through sudo.
func TestCarryContainerThatDoesNotRun(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	inUse(t, host)
	host.Shell(t, "mkdir -m 777 /srv/log; "+strings.Replace(starts("stay", "--network=none"), "docker run -d", "docker create", 1)+`mkdir -m 700 /srv/secret; echo x >/srv/secret/f
		docker run -d --name=reader --network=none --restart=always --stop-signal=KILL -v /srv/secret:/secret bb sh -c 'cat /secret/f && sleep 100000'
		docker run -d --name=task --network=none bb sh -c 'sleep 1'; docker wait task`)
	oldFiles, oldEngine := files(t, host), engine(t, host)
	a := change(t, host, "root", "enable", "--carry", "--yes", "--stable=1s")
	undone(t, host, a, oldFiles, oldEngine)
	assert.Check(t, strings.Contains(a.stderr, "container reader ran before, and is restarting with code 1 now: cat: can't open '/secret/f': Permission denied"), "%s", a.stderr)
	assert.Check(t, strings.Contains(a.stderr, "--exclude 'container:NAME'"), "%s", a.stderr)
	host.Shell(t, "rm -rf /var/lib/docker/165536.165536.undone*")

	host.Shell(t, "docker stop reader")
	a = change(t, host, "opnp", "enable", "--carry", "--exclude=container:task", "--yes", "--stable=1s")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	assert.Check(t, strings.Contains(a.stderr, "warning: the container's user has fewer rights"), "%s", a.stderr)
	a = change(t, host, "opnp", "disable", "--list")
	kept, undone := strings.Index(a.stdout, "enable    kept"), strings.Index(a.stdout, "enable    undone")
	assert.Assert(t, a.code == 0 && 0 < kept && kept < undone, "%d %s%s", a.code, a.stdout, a.stderr)
	a = docker(t, host, nil, "--context", "unix", "userns", "disable", "--list")
	assert.Check(t, a.code == 2 && !strings.Contains(a.stdout, "No changes"), "the engine is on another host than this one: %d %s", a.code, a.stdout)
	host.Shell(t, "chown -R 165536:165536 /srv/secret; docker restart reader")
	waitUntil(t, "reader runs", func() bool {
		return host.Shell(t, "docker ps -a --format '{{.Names}} {{.State}}' | sort") == "job exited\nonce running\nreader running\nstay created\nweb running"
	})
	v := verifyOver(t, host, "root")
	assert.Check(t, strings.Contains(v.of(t, "carried-containers").Message, "1 of 6 containers"), v.of(t, "carried-containers").Message)
	assert.Equal(t, v.of(t, "left-processes").Status, "ok")

	// A container that outlives a switch by hand is found, though the other engine has one
	// with its ID, whether that runs or not.
	host.Shell(t, "docker start stay; "+impatient+"; echo {} >/etc/docker/daemon.json; systemctl restart docker")
	assert.Check(t, writes(t, host, "stay"))
	for _, start := range []string{"", "docker start stay"} {
		host.Shell(t, start)
		left := over(t, host, "root").of(t, "left-processes")
		assert.Equal(t, left.Status, "error", left.Message)
		assert.Check(t, len(left.Details) == 1 && strings.Contains(left.Details[0].Note, "moby-165536.165536"), "%v", left.Details)
	}
}
