package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// A fault is one way in which a change can be broken off: after a step of it, by
// what, and how the host was reached.
type fault struct {
	engine  testbed.Engine
	context string // "root" over ssh; "here" on the host itself
	verb    string // "carry" is enable --carry, "back" disable --carry
	step    string // "finish" is in the middle of the restart
	kind    string // "kill" the program, "cut" its link, "reboot" the host, "power" off
}

func (f fault) String() string {
	return fmt.Sprintf("%s/%s/%s/%s/%s", f.engine, f.context, f.verb, f.step, f.kind)
}

var faultSteps = map[string][]string{
	"enable":  {"arm", "account", "ranges", "validate", "config", "restart", "prove", "keep"},
	"disable": {"arm", "validate", "config", "restart", "prove", "keep"},
	"back":    {"copy", "arm", "validate", "config", "finish", "restart", "start", "prove", "keep"},
	"carry":   {"copy", "arm", "account", "ranges", "validate", "config", "finish", "restart", "start", "prove", "keep"},
}

// faults are all of them.
func faults() []fault {
	var all []fault
	for _, engine := range testbed.Engines {
		for verb, steps := range faultSteps {
			if verb == "back" && engine == testbed.Engine29 {
				continue // images cannot go back to containerd's store
			}
			for _, step := range steps {
				if step == "validate" && engine == testbed.Engine20 || step == "start" && engine == testbed.Engine29 {
					continue // it cannot, and containers of containerd's store are not carried
				}
				for _, kind := range []string{"kill", "cut", "reboot", "power"} {
					all = append(all, fault{engine, "root", verb, step, kind})
					if kind != "cut" {
						all = append(all, fault{engine, "here", verb, step, kind})
					}
				}
			}
		}
	}
	return all
}

// inTurns puts the engines in turn, so that a sample has points of each.
func inTurns(all []fault) {
	count, turn := map[testbed.Engine]int{}, map[fault]int{}
	for _, f := range all {
		turn[f] = count[f.engine]
		count[f.engine]++
	}
	slices.SortStableFunc(all, func(a, b fault) int { return turn[a] - turn[b] })
}

// armed is how long the host waits before it returns automatically in these tests.
const armed = 30 * time.Second

// A change that is broken off anywhere ends in the old state or the new one,
// byte for byte, with the daemon up and everything listed: automatically, in time.
// A sample is tried, some of each engine, which the printed seed picks; FAULTS=all tries all of them,
// FAULTS=N that many. Those that the file FAULTS_RECORD has already are left out.
func TestFaults(t *testing.T) {
	testbed.Need(t)
	all := faults()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("seed %d", seed)
	slices.SortFunc(all, func(a, b fault) int { return strings.Compare(a.String(), b.String()) }) // maps have no order
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	inTurns(all)
	n := len(testbed.Engines)
	if os.Getenv("FAULTS") == "all" {
		n = len(all)
	} else if given, err := strconv.Atoi(os.Getenv("FAULTS")); err == nil {
		n = given
	}
	record := faultRecord(t)
	all = slices.DeleteFunc(all, func(f fault) bool { return record.has(f) })
	var tried, failed atomic.Int64
	t.Cleanup(func() { t.Logf("fault points tried: %d of %d, failed: %d", tried.Load(), len(all), failed.Load()) })
	for _, f := range all[:min(n, len(all))] {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			defer func() {
				tried.Add(1)
				if t.Failed() {
					failed.Add(1)
				}
				record.add(t, f)
				fmt.Fprintf(os.Stderr, "fault points tried: %d of %d, failed: %d; last: %s\n", tried.Load(), len(all), failed.Load(), f)
			}()
			f.try(t)
		})
	}
}

func (f fault) try(t *testing.T) {
	host := bootFaulty(t, f.engine)
	inUse(t, host)
	if f.verb == "disable" {
		a := change(t, host, "root", "enable", "--yes", "--stable=0s")
		assert.Equal(t, a.code, 0, a.stdout+a.stderr)
		host.Busybox(t, "bb")
		host.Shell(t, "docker run -d --network=none --name=mapped --restart=always bb sleep 100000")
	}
	old := oldRoot
	plain := f.mounts(t, host)
	if f.verb == "back" {
		a := change(t, host, "root", "enable", "--carry", "--grant", "--yes", "--stable=0s")
		assert.Equal(t, a.code, 0, a.stdout+a.stderr)
		host.Shell(t, "docker exec web sh -c 'echo since >/since; echo since >/data/since'; docker volume create since; docker tag bb bb:since")
		old = newRoot
	}
	if f.step == "finish" {
		slowFinish(t, host, old)
	}
	left := inodes(t, host)
	oldFiles, oldEngine, oldOwners := files(t, host), engine(t, host), owners(t, host)
	stop := f.breakOff(t, host)
	deadline := time.Now().Add(armed + 90*time.Second) // a restart of the daemon, on a busy machine
	mend := func() {}
	switch f.kind {
	case "cut":
		mend = sync.OnceFunc(host.CutLink(t))
		defer mend()
	case "reboot":
		if f.context == "here" {
			stop() // nsenter stops with its child, and would keep the host from going down
		}
		host.Reboot(t)
	case "power":
		host.CutPower(t)
	}
	stop()
	kept := f.step == "keep"
	for {
		over := settledNow(t, host)
		if over && kept == (verdictOf(t, host) == "kept") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not settled in time:\n%s", host.Shell(t, "tail -n 40 /var/lib/docker-userns/*/log || true; systemctl list-units --all 'docker*'; journalctl -u 'docker*' -n 40 --no-pager"))
		}
		time.Sleep(time.Second)
	}
	if kept {
		assert.Assert(t, files(t, host) != oldFiles)
		assert.Equal(t, strings.Contains(engine(t, host), "name=userns"), f.verb != "disable" && f.verb != "back")
		if f.verb == "back" {
			f.carried(t, host, oldEngine)
			f.written(t, host)
			assert.Equal(t, owners(t, host), plain)
		}
		if f.verb == "carry" {
			f.carried(t, host, oldEngine)
		}
		return
	}
	assert.Equal(t, files(t, host), oldFiles)
	assert.DeepEqual(t, f.listed(engine(t, host)), f.listed(oldEngine))
	assert.Equal(t, owners(t, host), oldOwners)
	if f.verb == "back" {
		mend()
		assert.Equal(t, inodes(t, host), left, "the data root without remap is as it was")
		a := change(t, host, "root", "disable", "--carry", "--yes", "--stable=0s")
		assert.Equal(t, a.code, 0, a.stdout+a.stderr)
		f.carried(t, host, oldEngine)
		f.written(t, host)
		assert.Equal(t, owners(t, host), plain)
	}
	if f.verb == "carry" {
		mend()
		assert.Equal(t, host.Shell(t, "[ ! -e "+newRoot+" ] || echo exists"), "", "it is in the way of the next attempt")
		a := change(t, host, "root", "enable", "--carry", "--grant", "--yes", "--stable=0s")
		assert.Equal(t, a.code, 0, a.stdout+a.stderr)
		f.carried(t, host, oldEngine)
	}
}

// breakOff starts the change and waits until it has taken the step. stop ends
// what is left of it, at once.
func (f fault) breakOff(t *testing.T, host *testbed.Host) (stop func()) {
	t.Helper()
	verb := []string{f.verb}
	switch f.verb {
	case "carry":
		verb = []string{"enable", "--carry", "--grant"}
	case "back":
		verb = []string{"disable", "--carry"}
	}
	words := slices.Concat([]string{"userns"}, verb, []string{"--yes", "--stable=0s", "--confirm-timeout=" + armed.String()})
	var cmd *exec.Cmd
	if f.context == "here" {
		host.WriteFile(t, installed, faulty(t), 0o755)
		cmd = host.Command(append([]string{"env", "DOCKER_USERNS_PAUSE_AFTER=" + f.step, "docker"}, words...)...)
	} else {
		cmd = host.DockerCommand(append([]string{"--context", f.context}, words...)...)
		cmd.Env = append(cmd.Env, "DOCKER_USERNS_PAUSE_AFTER="+f.step)
	}
	begun := host.Shell(t, "ls /var/lib/docker-userns/*/placing 2>/dev/null || true")
	stderr, err := cmd.StderrPipe()
	assert.NilError(t, err)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	assert.NilError(t, cmd.Start())
	said := ""
	stop = sync.OnceFunc(func() {
		killAll(t, cmd.Process.Pid)
		_, _ = io.Copy(io.Discard, stderr)
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	if f.step == "finish" {
		go io.Copy(io.Discard, stderr)
		awaitFinish(t, host, begun)
		if f.kind == "kill" {
			stop()
		}
		return stop
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if lines.Text() == "paused after "+f.step {
			if f.kind == "kill" {
				stop()
			}
			return stop
		}
	}
	t.Fatalf("it did not get to step %s:\n%s", f.step, said)
	return nil
}
