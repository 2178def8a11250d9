package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/schema"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// Many contexts are looked at together, each as if it were the only one. One whose host
// takes connections and says nothing has an error of its own.
func TestManyContexts(t *testing.T) {
	testbed.Need(t)
	t.Parallel()
	host := boot(t, testbed.Engine28)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer silent.Close()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c)
		}
	}()
	create := func(name string, from ...string) {
		t.Helper()
		a := docker(t, host, nil, append([]string{"context", "create", name}, from...)...)
		assert.Equal(t, a.code, 0, a.stderr)
	}
	for i := range 6 { // more logins at once than sshd takes would test sshd (MaxStartups)
		create(fmt.Sprintf("many-%02d", i), "--from", "root")
	}
	create("many-silent", "--docker", "host=ssh://root@"+silent.Addr().String())

	a := docker(t, host, nil, "userns", "check", "--contexts", "many-05,many-*", "--only", "daemon-answers", "--timeout", "45s", "--format", "json")
	assert.Equal(t, a.code, 2, a.stderr)
	lines := strings.Split(strings.TrimSpace(a.stdout), "\n")
	assert.Equal(t, len(lines), 7)
	for i, line := range lines {
		assert.NilError(t, schema.Validate(schema.Results, line))
		var one struct {
			Context, Error string
			ExitCode       int
			Results        []struct{ ID, Status string }
		}
		assert.NilError(t, json.Unmarshal([]byte(line), &one))
		switch {
		case i == 0:
			assert.Equal(t, one.Context, "many-05", "in the order of the names")
		case one.Context == "many-silent":
			assert.Check(t, one.ExitCode == 2 && one.Error == "it did not answer within 45s (--timeout)", line)
			continue
		default:
			assert.Equal(t, one.Context, fmt.Sprintf("many-%02d", i-1))
		}
		assert.Check(t, one.ExitCode == 0 && len(one.Results) == 1 && one.Results[0].Status == "ok", line)
	}

	a = docker(t, host, nil, "userns", "check", "--contexts", "root,many-00")
	whole := docker(t, host, nil, "--context", "root", "userns", "check", "--format", "json")
	assert.Equal(t, a.code, whole.code, a.stdout)
	rows := strings.Split(strings.TrimSpace(a.stdout), "\n")
	assert.Equal(t, len(rows), 3, a.stdout)
	assert.Check(t, strings.HasPrefix(rows[1], "root ") && strings.HasPrefix(rows[2], "many-00 "), a.stdout)
	var one judged
	assert.NilError(t, json.Unmarshal([]byte(whole.stdout), &one))
	n := map[string]int{}
	for _, r := range one.Results {
		if r.ID != "maintenance-window" && r.ID != "load-balancer" { // which only a person can answer
			n[r.Status]++
		}
	}
	assert.DeepEqual(t, strings.Fields(rows[1])[2:5], []string{fmt.Sprint(n["error"]), fmt.Sprint(n["warning"]), fmt.Sprint(n["unknown"])})
}
