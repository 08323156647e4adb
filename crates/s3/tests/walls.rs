//! The walls of the gate: programs that go around it do not compile.

#[test]
fn what_goes_around_the_gate_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
