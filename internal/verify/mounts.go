package verify

var mountQuestions = []Question{}
