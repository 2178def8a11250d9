package commands

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// A command that is printed goes to the engine that it is about, from any shell.
func TestDockerWords(t *testing.T) {
	const local = "unix:///var/run/docker.sock"
	for _, tc := range []struct {
		name                      string
		context, endpoint, stored string
		env                       map[string]string
		args                      string
		want                      string
	}{
		{"plain", "default", local, "", nil, "userns enable", "docker"},
		{"a context by flag", "prod", "ssh://root@db1", "", nil, "--context prod userns enable", "docker --context prod"},
		{"the current context", "prod", "ssh://root@db1", "prod", nil, "userns enable", "docker --context prod"},
		{"a context by the environment", "prod", "ssh://root@db1", "", map[string]string{"DOCKER_CONTEXT": "prod"}, "userns enable", "docker --context prod"},
		{"a local context", "here", local, "", nil, "-c here userns enable", "docker --context here"},
		{"a name that needs quotes", "prod; reboot", local, "", nil, "userns enable", "docker --context 'prod; reboot'"},
		{"the default one in spite of the current one", "default", local, "prod", nil, "--context default userns enable", "docker --context default"},
		{"the default one in spite of the environment", "default", local, "", map[string]string{"DOCKER_CONTEXT": "prod"}, "--context=default userns enable", "docker --context default"},
		{"a host by flag", "default", "ssh://root@db1", "prod", nil, "-H ssh://root@db1 userns enable", "docker --host ssh://root@db1"},
		{"a host by the environment", "default", "ssh://root@db1", "", map[string]string{"DOCKER_HOST": "ssh://root@db1"}, "userns enable", "docker --host ssh://root@db1"},
		{"the default host by the environment", "default", local, "prod", map[string]string{"DOCKER_HOST": local}, "userns enable", "docker --host " + local},
		{"a socket that needs quotes", "default", "unix:///run/it's.sock", "", nil, "-H x userns enable", `docker --host 'unix:///run/it'\''s.sock'`},
		{"TLS by flags", "default", "tcp://db1:2376", "", nil, "--tlsverify --tlscacert /c/ca.pem -H tcp://db1:2376 userns enable", "docker --host tcp://db1:2376 --tlscacert=/c/ca.pem --tlsverify=true"},
		{"TLS by the environment", "default", "tcp://db1:2376", "", map[string]string{"DOCKER_HOST": "x", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"}, "userns enable",
			"docker --host tcp://db1:2376 --tlsverify --tlscacert /c/ca.pem --tlskey /c/key.pem"},
		{"no TLS for ssh", "default", "ssh://root@db1", "", map[string]string{"DOCKER_TLS_VERIFY": "1"}, "userns enable", "docker --host ssh://root@db1"},
		{"another configuration", "prod", "ssh://root@db1", "", nil, "--config /x/y --context prod userns enable", "docker --config=/x/y --context prod"},
		{"flags of the verb do not count", "default", local, "", nil, "userns enable --context prod", "docker"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := wordsOf{tc.context, tc.endpoint, tc.stored, func(k string) string { return tc.env[k] }, func(path string) bool { return path != "/c/cert.pem" }}
			assert.Equal(t, sh.Command(w.words(strings.Fields(tc.args))...), tc.want)
		})
	}
}
