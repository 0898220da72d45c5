package rules

import "testing"

// TestSchemaCanBeMade: every reader of rule files bears to be walked without a document.
func TestSchemaCanBeMade(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if s.Properties["holds"] == nil {
		t.Error("got no key holds")
	}
}

// TestEveryKeyIsDescribed, since editors show what is said of a key, and documents list it.
func TestEveryKeyIsDescribed(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range s.Undescribed() {
		t.Errorf("key %s has no description: add a sentence to keys.go", path)
	}
}
