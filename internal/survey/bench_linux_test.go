package survey_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/host/hosttest"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// BenchmarkTake is a survey of 100 containers, 20 of which run, and 200 images,
// each with its own connections: locally, and over ssh to this machine. For
// comparison, "info" is what `docker info` takes over the same ssh.
func BenchmarkTake(b *testing.B) {
	s := scene{testengine.Start(b, testengine.Options{}), ""}
	crowd(b, s)
	server := hosttest.SSHD(b)
	b.Setenv("PATH", server.Bin+":"+os.Getenv("PATH"))
	endpoint := hosttest.Endpoint + s.Socket
	b.Run("local", func(b *testing.B) {
		for b.Loop() {
			api, err := client.NewClientWithOpts(client.WithHost(s.Host), client.WithAPIVersionNegotiation())
			assert.NilError(b, err)
			whole(b, survey.Take(b.Context(), survey.Target[survey.API]{Endpoint: s.Host, API: api, Host: host.Local()}, survey.Options{}))
			api.Close()
		}
	})
	b.Run("ssh", func(b *testing.B) {
		for b.Loop() {
			box, err := host.SSH(endpoint)
			assert.NilError(b, err)
			api, err := client.NewClientWithOpts(client.WithHost("http://docker.example.com"),
				client.WithDialContext(box.(host.Dialer).DialContext), client.WithAPIVersionNegotiation())
			assert.NilError(b, err)
			whole(b, survey.Take(b.Context(), survey.Target[survey.API]{Endpoint: endpoint, API: api, Host: box}, survey.Options{}))
			api.Close()
			box.Close()
		}
	})
	b.Run("info", func(b *testing.B) {
		for b.Loop() {
			cmd := s.Docker("info")
			cmd.Env = append(cmd.Env, "DOCKER_HOST="+endpoint)
			out, err := cmd.CombinedOutput()
			assert.NilError(b, err, "%s", out)
		}
	})
}

func whole(b *testing.B, f survey.Facts) {
	b.Helper()
	assert.NilError(b, f.Storage.Err)
	assert.Equal(b, len(f.Containers.Value), 100)
	assert.Equal(b, len(f.Images.Value), 200)
}

func crowd(b *testing.B, s scene) {
	s.load(b)
	api := s.Client(b)
	for i := range 199 {
		layer := imagetest.Layer(imagetest.File{Name: fmt.Sprint(i), Body: "x"})
		archive := imagetest.Archive(fmt.Sprintf("image%d:1", i), "", imagetest.Step{By: "COPY", Layer: layer})
		answer, err := api.ImageLoad(b.Context(), strings.NewReader(string(archive)))
		assert.NilError(b, err)
		answer.Body.Close()
	}
	for i := range 100 {
		c, err := api.ContainerCreate(b.Context(), &container.Config{Image: "app:1", Cmd: []string{"/bin/busybox", "sleep", "900"}},
			&container.HostConfig{NetworkMode: "none", Binds: []string{"/usr:/usr:ro", fmt.Sprintf("%s/%d:/x", s.Dir, i%5)}}, nil, nil, "")
		assert.NilError(b, err)
		if i < 20 {
			assert.NilError(b, api.ContainerStart(b.Context(), c.ID, container.StartOptions{}))
		}
	}
}
