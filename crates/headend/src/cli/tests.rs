use clap::CommandFactory;

use super::*;

fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut found = &mut command;
    for name in path {
        found = found.find_subcommand_mut(name).unwrap();
    }
    // The environment of whoever runs the tests does not belong in a golden file.
    let quiet = found.clone().mut_args(|arg| arg.hide_env_values(true));
    quiet.term_width(100).render_help().to_string()
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn help_is_as_agreed() {
    insta::assert_snapshot!("help", help(&[]));
    insta::assert_snapshot!("help-config-show", help(&["config", "show"]));
}
