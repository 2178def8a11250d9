package commands

import (
	"context"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/proof"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// A proof that only a container could give that stays behind is refused before
// anything is touched; one that something else may give is not.
func TestAnswerable(t *testing.T) {
	web := survey.Container{Name: "web", State: "running", Ports: []survey.Port{{Address: "0.0.0.0", Number: 8080, Protocol: "tcp"}, {Address: "127.0.0.1", Number: 81, Protocol: "tcp"}, {Number: 53, Protocol: "udp"}}}
	for _, tc := range []struct {
		flag, value string
		refused     bool
	}{
		{"--health-url", "http://localhost:8080/health", true},
		{"--health-url", "http://127.0.0.1:8080/", true},
		{"--health-url", "http://[::1]:81/", false},
		{"--health-url", "http://db1:8080/", true},
		{"--health-url", "http://me:secret@db1:8080/", true},
		{"--health-url", "http://localhost:81/", true},
		{"--health-url", "http://db1:81/", false},
		{"--health-url", "http://localhost/", false},
		{"--health-url", "http://localhost:53/", false},
		{"--health-url", "https://shop.example:8080/", false},
		{"--health-url", "unix:///run/app.sock", false},
		{"--probe-socket", "localhost:8080", true},
		{"--probe-socket", "/run/app.sock", false},
	} {
		o := proofOptions{Options: proof.Options{Stable: 1, StartP95: 1}, healthURL: tc.value}
		if tc.flag == "--probe-socket" {
			o.healthURL, o.socket = "", tc.value
		}
		assert.NilError(t, o.validate())
		f := survey.Facts{Endpoint: "ssh://root@db1", HostKind: host.KindSSH}
		f.Containers.Value = []survey.Container{{Name: "ended", State: "exited", Ports: web.Ports}}
		target := &target{engine: &engine{bounds: &answerBounds{}, host: host.None{}}}
		assert.NilError(t, target.answerable(context.Background(), f, o))
		f.Containers.Value = append(f.Containers.Value, web)
		err := target.answerable(context.Background(), f, o)
		assert.Equal(t, err != nil, tc.refused, "%s %s: %v", tc.flag, tc.value, err)
		if err != nil {
			assert.Check(t, strings.Contains(err.Error(), "container web serves port"), err)
			assert.Check(t, !strings.Contains(err.Error(), "secret"), err)
		}
	}
}
