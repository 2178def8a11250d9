package testengine_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testengine"
)

func TestAPlainEngineAnswersAndIsGoneAfterwards(t *testing.T) {
	var e *testengine.Engine
	t.Run("engine", func(t *testing.T) {
		e = testengine.Start(t, testengine.Options{})
		info, err := e.Client(t).Info(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, info.DockerRootDir, e.DataRoot())
		assert.Assert(t, !slices.Contains(info.SecurityOptions, "name=userns"))
	})
	if e == nil {
		t.Skip("no engine")
	}
	_, err := os.Stat(e.Dir)
	assert.Assert(t, os.IsNotExist(err), "%s is still there", e.Dir)
	assert.Assert(t, !strings.Contains(mounts(t), e.Dir), "something is still mounted under %s", e.Dir)
}

func TestARemappedEngineLeavesTheRangesAsTheyWere(t *testing.T) {
	before := ranges(t)
	e := testengine.Start(t, testengine.Options{Remap: true})
	info, err := e.Client(t).Info(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, slices.Contains(info.SecurityOptions, "name=userns"), "%q", info.SecurityOptions)
	assert.Assert(t, strings.HasSuffix(info.DockerRootDir, "/100000.100000"), info.DockerRootDir)
	assert.Equal(t, ranges(t), before)
}

func mounts(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	assert.NilError(t, err)
	return string(b)
}

func ranges(t *testing.T) string {
	t.Helper()
	uids, _ := os.ReadFile("/etc/subuid")
	gids, _ := os.ReadFile("/etc/subgid")
	return string(uids) + "--\n" + string(gids)
}
