"use strict";

// The service itself gives up sooner, so an answer that takes longer will not come.
const patienceMs = 15_000;

// The form carries its key: whatever became of it, it is done once.
const unconfirmed =
  "We could not confirm that your balance was saved. " +
  "Send it again: it will be saved only once.";

const live = ["#said", "#error"];

// The answer is the page itself, as it would be shown without a script.
function show(answer) {
  for (const part of ["#now", "#chart", "#history"]) {
    $(part).replaceWith(answer.find(part));
  }
  for (const field of ["#form-key", "#form-version", "#balance"]) {
    $(field).val(answer.find(field).val());
  }
  for (const region of live) {
    $(region).empty().append(answer.find(region).contents());
  }
}

function read(html) {
  const answer = $(new DOMParser().parseFromString(html ?? "", "text/html"));
  const review = answer.find("#confirm").attr("action");
  if (answer.find("#set").length > 0) {
    show(answer);
  } else if (review) {
    location.assign(review);
  } else {
    const problem = answer.find("#problem").text().trim();
    $("#error").text(problem || unconfirmed);
  }
}

async function setBalance(event) {
  event.preventDefault();
  const form = $(this);
  const request = {
    url: form.attr("action"),
    method: "POST",
    data: form.serialize(),
    dataType: "html",
    timeout: patienceMs,
  };
  const button = form.find("button").prop("disabled", true).text("Saving…");
  $(live.join()).text("");
  try {
    read(await $.ajax(request));
  } catch (response) {
    read(response.responseText);
  }
  button.prop("disabled", false).text("Set balance");
  $("#balance")
    .attr("aria-invalid", $("#error").text() ? "true" : null)
    .trigger("focus");
}

$("#set").on("submit", setBalance);
