package hook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/docker/cli/cli-plugins/hooks"
	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"
)

const layerError = "container ID 1516583083 cannot be mapped to a host ID"

func docker(words ...string) string { return "docker " + strings.Join(words, " ") }

// TestAnswerIsNoTemplateOfOthers: a context can have any name.
func TestAnswerIsNoTemplateOfOthers(t *testing.T) {
	cmd := &cobra.Command{Use: "docker"}
	assert.NilError(t, cmd.Flags().Parse([]string{"app"}))
	var answer hooks.HookMessage
	call := `{"RootCmd":"pull","CommandError":"` + layerError + `"}`
	said := Answer(call, func(...string) string { return "docker --context '{{x}}'" })
	assert.NilError(t, json.Unmarshal([]byte(said), &answer))
	lines, err := hooks.ParseTemplate(answer.Template, cmd)
	assert.NilError(t, err)
	assert.DeepEqual(t, lines, []string{"Find the file and its cure: docker --context '{{x}}' docker://app"})
}

// TestAnswer renders answers with the template engine of the CLI.
func TestAnswer(t *testing.T) {
	for _, c := range []struct{ command, failed, want string }{
		{"pull shop:1", "failed to register layer: " + layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 docker://shop:1"},
		{"image pull --platform linux/arm64 shop:1", "failed to register layer: " + layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 --platform linux/arm64 docker://shop:1"},
		{"run shop:1", "docker: failed to register layer: " + layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 docker://shop:1"},
		{"container create shop:1", "mount callback failed on /tmp/x: " + layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 shop:1"},
		{"run shop:1", "unable to start container process: cannot setuid to unmapped uid 70000 in user namespace", "See which user the image needs: docker userns audit-image shop:1"},
		{"load --input dir/shop.tar", layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 'dir/shop.tar'"},
		{"load", layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 FILE"},
		{"load --input it's;$(x).tar", layerError, "Find the file and its cure: docker userns audit-image --id 1516583083 FILE"},
		{"import root.tar", layerError, "Find the file: tar --numeric-owner -tvf 'root.tar' | grep -w 1516583083"},
		{"import -", layerError, "Find the file: tar --numeric-owner -tvf FILE | grep -w 1516583083"},
		{"import http://x/root.tar", layerError, "Find the file: tar --numeric-owner -tvf FILE | grep -w 1516583083"},
		{"pull shop:1", "failed to register layer: lchown /usr/local/bin/docker-credential-gcr: invalid argument", "Find the file and its cure: docker userns audit-image --explain /usr/local/bin/docker-credential-gcr docker://shop:1"},
		{"pull shop:1", "failed to register layer: lchown /a{{.x}}$(b): invalid argument", "Find the file and its cure: docker userns audit-image docker://shop:1"},
		{"pull shop:1", `failed to Lchown "/x" for UID 0, GID 70000 (try increasing`, "Find the file and its cure: docker userns audit-image --id 70000 docker://shop:1"},
		{"pull shop:1", "no space left on device", ""},
		{"pull shop:1", "1516583083", ""},
		{"pull shop:1", "host ID 70000 cannot be mapped to a container ID", ""},
		{"pull shop:1", "", ""},
		{"build shop:1", layerError, ""},
		{"", layerError, ""},
	} {
		assert.Equal(t, printed(t, c.command, c.failed), c.want, "%s: %s", c.command, c.failed)
	}
}

// printed is what the CLI prints after a command.
func printed(t *testing.T, command, failed string) string {
	t.Helper()
	cmd := &cobra.Command{Use: "docker"}
	for _, flag := range []string{"platform", "input"} {
		cmd.Flags().String(flag, "", "")
	}
	assert.NilError(t, cmd.Flags().Parse(strings.Fields(command)))
	r := request{Flags: map[string]string{}, CommandError: failed}
	words := cmd.Flags().Args()
	for i, w := range words {
		if w == "image" || w == "container" {
			continue
		}
		r.RootCmd = strings.Join(words[:i+1], " ")
		words = words[i+1:]
		break
	}
	assert.NilError(t, cmd.Flags().Parse(append([]string{"--"}, words...)))
	if f := cmd.Flags().Lookup("platform"); f.Changed {
		r.Flags["platform"] = ""
	}
	call, err := json.Marshal(r)
	assert.NilError(t, err)
	var answer hooks.HookMessage
	assert.NilError(t, json.Unmarshal([]byte(Answer(string(call), docker)), &answer))
	lines, err := hooks.ParseTemplate(answer.Template, cmd)
	assert.NilError(t, err)
	return strings.Join(lines, "\n")
}

// TestAnswerToNonsense: the CLI must get an answer that it can read to whatever it says.
func TestAnswerToNonsense(t *testing.T) {
	for _, call := range []string{"", "null", "[]", `{"RootCmd":1}`, `{"RootCmd":"pull"}`, "{"} {
		assert.Equal(t, Answer(call, docker), `{"Type":0,"Template":""}`, call)
	}
}
