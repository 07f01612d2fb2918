// Answers to a law's questions for every draw: as lawdsl/question.py.

export function asked() {
  throw new Reason("questions are not answered in this page yet: use lawdsl ask");
}
