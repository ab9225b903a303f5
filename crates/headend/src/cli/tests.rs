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
    insta::assert_snapshot!("help-simulate", help(&["simulate"]));
    insta::assert_snapshot!("help-demo", help(&["demo"]));
    insta::assert_snapshot!("help-asset-check", help(&["asset", "check"]));
    insta::assert_snapshot!("help-info", help(&["info"]));
    insta::assert_snapshot!("help-broadcast", help(&["broadcast"]));
    insta::assert_snapshot!("help-probe", help(&["probe"]));
    insta::assert_snapshot!("help-ladder-plan", help(&["ladder", "plan"]));
    insta::assert_snapshot!("help-watch", help(&["watch"]));
    insta::assert_snapshot!("help-top", help(&["top"]));
    insta::assert_snapshot!("help-config-show", help(&["config", "show"]));
}

#[test]
fn no_flag_has_a_default_that_would_hide_the_file() {
    let mut command = Cli::command();
    command.build();
    for name in ["serve", "simulate", "demo"] {
        let command = command.find_subcommand(name).unwrap();
        for arg in command.get_arguments() {
            assert!(
                arg.get_default_values().is_empty(),
                "{name} {}",
                arg.get_id()
            );
        }
    }
}

#[test]
fn every_option_is_also_an_environment_variable() {
    fn check(command: &clap::Command) {
        for arg in command.get_opts() {
            let name = arg.get_env().unwrap_or_default().to_string_lossy();
            assert!(
                name.starts_with("HEADEND_"),
                "{} {}",
                command.get_name(),
                arg.get_id()
            );
        }
        command.get_subcommands().for_each(check);
    }
    let mut command = Cli::command();
    command.build();
    check(&command);
}
