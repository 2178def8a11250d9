package survey

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

// Each group of facts that could not be read has its own error.
func TestUnreadHost(t *testing.T) {
	var f Facts
	unread := errors.New("unread")
	(&look{}).fill(&f, unread)
	ofAPI := []string{"Engine", "Containers", "Images", "Volumes", "Networks", "Plugins", "Swarm"}
	groups := 0
	for i, v := 0, reflect.ValueOf(f); i < v.NumField(); i++ {
		field := v.Type().Field(i)
		if field.Type.Kind() != reflect.Struct || slices.Contains(ofAPI, field.Name) {
			continue
		}
		if err := v.Field(i).FieldByName("Err"); err.IsValid() {
			groups++
			assert.Check(t, err.Interface() == unread, field.Name)
		}
	}
	assert.Equal(t, groups, 15)
}
