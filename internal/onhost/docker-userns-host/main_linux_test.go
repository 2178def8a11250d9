package main

import (
	"os"
	"os/exec"
	"testing"

	"gotest.tools/v3/assert"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "carry" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Whoever writes to a volume names the files that an error is about. Names make no lines of
// their own in the log of a change, and move no cursor.
func TestErrorsAreOneLine(t *testing.T) {
	program, err := os.Executable()
	assert.NilError(t, err)
	said, err := exec.Command(program, "carry", "finish", "/missing\nundone\x1b[2J").CombinedOutput()
	assert.ErrorContains(t, err, "exit status 1")
	assert.Equal(t, string(said), `docker-userns-host: the copy /missing\nundone\x1b[2J: /missing\nundone\x1b[2J/.docker-userns: no such file or directory`+"\n")
}
