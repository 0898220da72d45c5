package config

import "testing"

// TestSchemaCanBeMade: every reader of configurations bears to be walked without a document.
func TestSchemaCanBeMade(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if s.Properties["hold"] == nil {
		t.Error("got no key hold")
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
